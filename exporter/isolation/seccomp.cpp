#include <array>
#include <cerrno>
#include <memory>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <type_traits>
#include <unistd.h>

#include <linux/sockios.h>

#include "wgscope/base/result.hpp"

#include "exporter/isolation/restrictions.hpp"

namespace wgscope::exporter {
namespace {

struct Release {
  void operator()(scmp_filter_ctx filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

/// What threads, memory, files, sockets and time take, and nothing that starts a program, touches
/// another process, changes credentials, namespaces or the system. By name: the architectures that
/// do not have one pass over it.
constexpr std::array kAllowed{
    // memory
    "brk", "madvise", "mremap", "munmap", "membarrier",
    // threads and signals of this process
    "arch_prctl", "exit", "exit_group", "futex", "futex_time64", "futex_waitv", "get_robust_list",
    "getcpu", "getpid", "getppid", "gettid", "getpgrp", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "rt_sigtimedwait_time64", "sched_getaffinity", "sched_yield", "set_robust_list",
    "set_tid_address", "sigaltstack", "sigreturn", "wait4", "waitid",
    // time
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time", "times", "timerfd_create",
    "timerfd_gettime", "timerfd_settime",
    // files: which ones is Landlock's, and it knows nothing of modes and owners
    "_llseek", "access", "chdir", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchmod", "fcntl", "fcntl64", "fdatasync",
    "flock", "fstat", "fstat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64",
    "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "lstat", "lstat64",
    "memfd_create", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "sendfile", "stat",
    "stat64", "statfs", "statfs64", "statx", "sync_file_range", "umask", "unlink", "unlinkat",
    "write", "writev", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // sockets; which ones may be opened is below
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "shutdown", "socketpair",
    // waiting
    "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "eventfd", "eventfd2", "poll", "ppoll", "ppoll_time64", "pselect6",
    "pselect6_time64", "select", "signalfd4",
    // this process's own figures and limits
    "getegid", "geteuid", "getgid", "getgroups", "getrandom", "getresgid", "getresuid", "getrlimit",
    "getrusage", "getuid", "sysinfo", "ugetrlimit", "uname", "capget"};

/// As the macros SCMP_A0 … of seccomp.h, which are not C++.
scmp_arg_cmp argument(unsigned index, scmp_compare compare, scmp_datum_t a, scmp_datum_t b = 0) {
  return {index, compare, a, b};
}
scmp_arg_cmp equals(unsigned index, scmp_datum_t value) {
  return argument(index, SCMP_CMP_EQ, value);
}
scmp_arg_cmp has_bits(unsigned index, scmp_datum_t mask, scmp_datum_t bits) {
  return argument(index, SCMP_CMP_MASKED_EQ, mask, bits);
}

class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <class... Arguments>
  void allow(int call, Arguments... when) {
    if (call == __NR_SCMP_ERROR || failed_ != 0) return;
    failed_ = seccomp_rule_add(filter_, SCMP_ACT_ALLOW, call, sizeof...(when), when...);
  }
  template <class... Arguments>
  void allow(const char* name, Arguments... when) {
    allow(seccomp_syscall_resolve_name(name), when...);
  }
  [[nodiscard]] int failed() const { return failed_; }  ///< 0, or an errno below zero

 private:
  scmp_filter_ctx filter_;
  int failed_ = 0;
};

/// Memory is never writable and executable at once; code of libraries may still be mapped
/// (nsswitch.conf's modules).
void allow_memory(Rules& rules) {
  for (const char* name : {"mmap", "mmap2", "mprotect", "pkey_mprotect"}) {
    rules.allow(name, has_bits(2, PROT_EXEC, 0));
    rules.allow(name, has_bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC));
  }
}

/// No netlink. And no stream to a socket in the file system: userspace implementations of WireGuard
/// tell their private keys there, and Landlock does not ask who connects.
void allow_sockets(Rules& rules) {
  constexpr scmp_datum_t kTypes = 0xF;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
  for (const int family : {AF_INET, AF_INET6})
    for (const int type : {SOCK_STREAM, SOCK_DGRAM})
      rules.allow("socket", equals(0, static_cast<scmp_datum_t>(family)),
                  has_bits(1, kTypes, static_cast<scmp_datum_t>(type)));
  rules.allow("socket", equals(0, AF_UNIX),  // sd_notify(3), the systemd journal
              has_bits(1, kTypes, SOCK_DGRAM));
  for (const int request : {FIONBIO, FIONREAD, SIOCOUTQ, TCGETS})
    rules.allow("ioctl", equals(1, static_cast<scmp_datum_t>(request)));
}

void allow_own_process(Rules& rules) {
  // A new process needs clone(2) without CLONE_THREAD; clone3's arguments cannot be looked at, so it
  // is said not to exist, and the C library then takes clone.
  constexpr scmp_datum_t kThread = 0x00010000;
  rules.allow("clone", has_bits(0, kThread, kThread));
  const auto self = static_cast<scmp_datum_t>(getpid());
  rules.allow("tgkill", equals(0, self));  // raise(3), abort(3)
  rules.allow("kill", equals(0, self));
  for (const char* name : {"prlimit64", "sched_getparam", "sched_getscheduler"})
    rules.allow(name, equals(0, 0));
  constexpr scmp_datum_t kSetName = 15;  // PR_SET_NAME: threads have names
  rules.allow("prctl", equals(0, kSetName));
}

}  // namespace

Result<> restrict_system_calls() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return fail(Errc::io, "restrict system calls: out of memory");
  Rules rules(filter.get());
  for (const char* name : kAllowed) rules.allow(name);
  allow_memory(rules);
  allow_sockets(rules);
  allow_own_process(rules);
  int failed = rules.failed();
  if (failed == 0)
    failed = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (failed == 0) failed = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (failed == 0) failed = seccomp_load(filter.get());
  if (failed != 0) return fail_errno("restrict the serving process's system calls", -failed);
  return {};
}

}  // namespace wgscope::exporter
