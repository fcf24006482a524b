// The BLAS and LAPACK routines that psd_sqrt and trace_sqrt_product call, as function pointers: SciPy's own, so that no second
// library is bundled. Column-major, 32-bit integers; `load_lapack` (lapack.cpp) fills them in and must be called with the GIL held.
#pragma once

namespace parzen {

struct Lapack {
  void (*dpotrf)(char* uplo, int* n, double* a, int* lda, int* info);
  void (*dsygst)(int* itype, char* uplo, int* n, double* a, int* lda, double* b, int* ldb, int* info);
  void (*dsyevd)(char* jobz, char* uplo, int* n, double* a, int* lda, double* w, double* work, int* lwork, int* iwork, int* liwork,
                 int* info);
  void (*dgesdd)(char* jobz, int* m, int* n, double* a, int* lda, double* s, double* u, int* ldu, double* vt, int* ldvt,
                 double* work, int* lwork, int* iwork, int* info);
  void (*dgemm)(char* transa, char* transb, int* m, int* n, int* k, double* alpha, double* a, int* lda, double* b, int* ldb,
                double* beta, double* c, int* ldc);
  void (*dtrmm)(char* side, char* uplo, char* transa, char* diag, int* m, int* n, double* alpha, double* a, int* lda, double* b,
                int* ldb);
};

extern Lapack lapack;
void load_lapack();

}  // namespace parzen
