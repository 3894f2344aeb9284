/* Moves the wall clock of one program: preloaded into it, it adds the microseconds in the file that
   MOVABLE_CLOCK names to what the program reads. Monotonic clocks stay as they are.

   The kernel is asked directly: dlsym() may allocate memory, and an allocator may read the time. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MICROSECONDS 1000000LL

static volatile int64_t *moved_by;

__attribute__((constructor)) static void open_file(void) {
  const char *path = getenv("MOVABLE_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *moved_by, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) moved_by = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed || !moved_by || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
    return failed;
  int64_t total = now->tv_sec * MICROSECONDS + now->tv_nsec / 1000 + *moved_by;
  now->tv_sec = total / MICROSECONDS;
  now->tv_nsec = total % MICROSECONDS * 1000 + now->tv_nsec % 1000;
  return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec precise;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *seconds) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (seconds) *seconds = precise.tv_sec;
  return precise.tv_sec;
}
