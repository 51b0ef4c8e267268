#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>
#include <linux/landlock.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/isolation/confinement.hpp"
#include "exporter/isolation/restrictions.hpp"

// Of later kernels than Debian 12's headers: linux/landlock.h.
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

namespace wgscope::exporter {
namespace {

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_TRUNCATE;
/// All of the first version; with them whatever is not allowed below is denied.
constexpr std::uint64_t kFirstVersion =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | kRead |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
/// What applies to files too; the kernel refuses the others for them.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

/// What the C library reads: how to look up names (nsswitch.conf(5), and its modules), time zones,
/// messages. And /proc, for the process's own metrics; looking into other processes there takes
/// capabilities. Not /etc as a whole: /etc/wireguard is there.
constexpr std::array kLibraryReads{"/usr",
                                   "/lib",
                                   "/lib64",
                                   "/proc",
                                   "/etc/hosts",
                                   "/etc/resolv.conf",
                                   "/etc/nsswitch.conf",
                                   "/etc/host.conf",
                                   "/etc/gai.conf",
                                   "/etc/services",
                                   "/etc/protocols",
                                   "/etc/ld.so.cache",
                                   "/etc/localtime",
                                   "/etc/timezone",
                                   "/etc/passwd",
                                   "/etc/group",
                                   "/etc/ssl",
                                   "/etc/hostname",
                                   "/etc/machine-id",
                                   "/run/systemd/resolve",
                                   "/run/nscd",
                                   "/run/resolvconf",
                                   "/run/NetworkManager",
                                   "/sys/fs/cgroup",
                                   "/dev/urandom",
                                   "/dev/null",
                                   "/sys/devices/system/cpu"};

int version() {
  return static_cast<int>(
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

/// Each version may refuse only what it knows.
std::uint64_t known_to(int version) {
  std::uint64_t known = kFirstVersion;
  if (version >= 2) known |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) known |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return known;
}

Result<> allow(int rules, const std::string& path, std::uint64_t access) {
  const os::UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!fd || fstat(fd.get(), &status) != 0) return {};  // it is not there, so nobody reads it
  if (!S_ISDIR(status.st_mode)) access &= kOfFiles;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd.get();
  if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return fail_errno(fmt::format("allow access to {} and no others (landlock)", path), errno);
  return {};
}

Result<> allow_all(int rules, const FileNeeds& files, std::uint64_t known) {
  for (const char* path : kLibraryReads)
    if (auto done = allow(rules, path, kRead); !done) return done;
  for (const std::string& path : files.readable)
    if (auto done = allow(rules, path, kRead); !done) return done;
  for (const std::string& path : files.writable)
    if (auto done = allow(rules, path, kWrite & known); !done) return done;
  return allow(rules, "/dev/null", (kRead | LANDLOCK_ACCESS_FS_WRITE_FILE) & known);
}

}  // namespace

Result<> restrict_files(const FileNeeds& files) {
  const int found = version();
  if (found < 1)
    return fail(
        Errc::unsupported,
        "this kernel has no Landlock (or it is not in its lsm= list), so the serving process "
        "can read every file that its user can",
        errno);
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = known_to(found);
  const os::UniqueFd rules(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) return fail_errno("restrict the files of the serving process (landlock)", errno);
  if (auto done = allow_all(rules.get(), files, known_to(found)); !done) return done;
  if (syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return fail_errno("restrict the files of the serving process (landlock)", errno);
  return {};
}

}  // namespace wgscope::exporter
