/* What goes wrong inside plugins. Each function is called with audio and changes nothing, or ends badly. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <math.h>

void fine(float *x, long n) { (void)x; (void)n; }
void segfault(float *x, long n) { (void)x; (void)n; *(volatile int *)8 = 1; }
void aborts(float *x, long n) { (void)x; (void)n; abort(); }
void exits(float *x, long n) { (void)x; (void)n; _exit(0); }
void hangs(float *x, long n) { (void)x; (void)n; for (;;) { volatile int i = 0; i++; } }
void leaks(float *x, long n) {
    (void)x; (void)n;
    /* the limit is on what is asked for: to fill it only takes time */
    for (;;) { volatile char *p = malloc(64 << 20); if (!p) abort(); *p = 1; }
}
void corrupts(float *x, long n) {
    (void)x; (void)n;
    char *p = malloc(64), *q = malloc(64);
    memset(p, 255, 200); /* over the head of the next piece: found out at the free, or later */
    free(q); free(p);
}
void gives_nan(float *x, long n) { for (long i = 0; i < n; i++) x[i] = NAN; }
