/* A disk with a head, for any program: reads of one file wait as on a disk that takes SEEK_MS to go elsewhere than where
 * the last read ended, by whichever process, and reads MIB_S mebibytes a second where it is. The disk's state is shared
 * through a file, so that all processes have the one head.
 *
 * cc -O2 -shared -fPIC -o seeking-disk.so seeking-disk.c
 * LD_PRELOAD=./seeking-disk.so SEEKING_DISK_FILE=… SEEKING_DISK_STATE=… SEEKING_DISK_SEEK_MS=10 SEEKING_DISK_MIB_S=200 … */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct disk {
  pthread_mutex_t lock;
  int64_t head;    /* where the last read ended */
  int64_t free_at; /* when the disk is done with what it was given, nanoseconds */
  int64_t seeks;
  int64_t bytes;
};

static struct disk *disk;
static dev_t device;
static ino_t inode;
static double seek_ns, byte_ns;
static ssize_t (*real_pread)(int, void *, size_t, off_t);

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static double setting(const char *name, double usual) {
  const char *text = getenv(name);
  return text ? atof(text) : usual;
}

__attribute__((constructor)) static void begin(void) {
  real_pread = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
  const char *file = getenv("SEEKING_DISK_FILE"), *state = getenv("SEEKING_DISK_STATE");
  struct stat of;
  if (!file || !state || stat(file, &of) != 0) return;
  device = of.st_dev;
  inode = of.st_ino;
  seek_ns = setting("SEEKING_DISK_SEEK_MS", 10) * 1e6;
  byte_ns = 1e9 / (setting("SEEKING_DISK_MIB_S", 200) * 1048576);
  int made = open(state, O_RDWR | O_CREAT | O_EXCL, 0600);
  int fd = made >= 0 ? made : open(state, O_RDWR);
  if (fd < 0 || ftruncate(fd, sizeof *disk) != 0) return;
  disk = mmap(0, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (disk == MAP_FAILED) {
    disk = 0;
    return;
  }
  if (made < 0) return;
  pthread_mutexattr_t shared;
  pthread_mutexattr_init(&shared);
  pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&disk->lock, &shared);
  disk->head = -1;
}

/* Takes the disk's time, in turn, and waits for it. */
static void wait_for(size_t length, off_t offset) {
  if (pthread_mutex_lock(&disk->lock) == EOWNERDEAD) pthread_mutex_consistent(&disk->lock);
  int64_t now = now_ns();
  if (disk->free_at < now) disk->free_at = now;
  if (disk->head != offset) {
    disk->free_at += seek_ns;
    disk->seeks++;
  }
  disk->free_at += length * byte_ns;
  disk->bytes += length;
  disk->head = offset + length;
  int64_t until = disk->free_at;
  pthread_mutex_unlock(&disk->lock);
  struct timespec t = {until / 1000000000, until % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0) == EINTR) {
  }
}

ssize_t pread64(int fd, void *target, size_t length, off_t offset) {
  struct stat of;
  if (disk && length > 0 && fstat(fd, &of) == 0 && of.st_ino == inode && of.st_dev == device && offset < of.st_size) {
    size_t there = of.st_size - offset;
    wait_for(length < there ? length : there, offset);
  }
  return real_pread(fd, target, length, offset);
}

ssize_t pread(int fd, void *target, size_t length, off_t offset) { return pread64(fd, target, length, offset); }
