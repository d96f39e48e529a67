# csoftmax.pxd: softmax_fast.h for Cython. Compile the sources of softmax_fast.get_sources() into your extension.
cdef extern from "softmax_fast.h" nogil:
    ctypedef enum smf_op:
        SMF_SOFTMAX
        SMF_LOG_SOFTMAX
        SMF_LOGSUMEXP
        SMF_OPS

    ctypedef enum smf_dtype:
        SMF_F32
        SMF_F64
        SMF_F16
        SMF_BF16
        SMF_LONG
        SMF_DTYPES

    ctypedef struct smf_job:
        size_t rows, n
        const void *x
        ptrdiff_t x_row, x_col
        void *y
        ptrdiff_t y_row, y_col

    const char *SMF_VERSION
    const double SMF_BOUND_SOFTMAX_F32, SMF_BOUND_SOFTMAX_F64
    const double SMF_BOUND_LOG_SOFTMAX_F32, SMF_BOUND_LOG_SOFTMAX_F64
    const double SMF_BOUND_LOGSUMEXP_F32, SMF_BOUND_LOGSUMEXP_F64

    void smf_run(smf_op op, smf_dtype dtype, const smf_job *job) noexcept

    void smf_softmax_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) noexcept
    void smf_softmax_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row) noexcept
    void smf_log_softmax_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) noexcept
    void smf_log_softmax_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row) noexcept
    void smf_logsumexp_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) noexcept
    void smf_logsumexp_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row) noexcept

    const char *smf_isa() noexcept
    const char *smf_isas(size_t i) noexcept
    int smf_use_isa(const char *name) noexcept
