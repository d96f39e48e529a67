/* vendored.c: softmax in a C program, from the sources alone.
 *
 *     cc -std=c99 -I csrc examples/vendored.c csrc/smf_*.c -lm -o vendored && ./vendored
 */
#include "softmax_fast.h"

#include <stdio.h>

int main(void)
{
    float logits[2][3] = {{1, 2, 3}, {1000, 1000, 1000}}, probabilities[2][3], total[2];

    smf_softmax_f32(2, 3, logits[0], 3, probabilities[0], 3);
    smf_logsumexp_f32(2, 3, logits[0], 3, total, 1);
    smf_log_softmax_f32(2, 3, logits[0], 3, logits[0], 3); /* in place */

    printf("%s\n", smf_isa());
    for (int r = 0; r < 2; r++)
        printf("%.9g %.9g %.9g  %.9g  %.9g\n", probabilities[r][0], probabilities[r][1], probabilities[r][2], total[r],
               logits[r][0]);
    return 0;
}
