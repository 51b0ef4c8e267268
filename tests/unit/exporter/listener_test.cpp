#include "exporter/http/listener.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http.hpp"

namespace wgscope::exporter::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

bool has_ipv6() {
  const os::UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  return fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0;
}

TEST(ListenOn, AFreePortOfAnAddress) {
  const auto listener = listen_on("127.0.0.1:0");
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_NE(listener->port, 0);
  EXPECT_FALSE(listener->ipv6);
  EXPECT_EQ(listener->address, fmt::format("127.0.0.1:{}", listener->port));
  EXPECT_TRUE(test::accepts_connections({listener->port}));
  EXPECT_NE(fcntl(listener->socket.get(), F_GETFD) & FD_CLOEXEC, 0) << "not for programs it starts";
}

TEST(ListenOn, AnIpv6Address) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this host";
  const auto listener = listen_on("[::1]:0");
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_TRUE(listener->ipv6);
  EXPECT_EQ(listener->address, fmt::format("[::1]:{}", listener->port));
  EXPECT_TRUE(test::accepts_connections({listener->port, "::1"}));
  EXPECT_FALSE(test::accepts_connections({listener->port, "127.0.0.1"}));
}

TEST(ListenOn, EveryAddress) {
  for (const char* every : {":0", "[::]:0"}) {
    const auto listener = listen_on(every);
    ASSERT_TRUE(listener) << listener.error().context;
    EXPECT_TRUE(test::accepts_connections({listener->port, "127.0.0.1"})) << every;
    if (has_ipv6()) {
      EXPECT_TRUE(test::accepts_connections({listener->port, "::1"})) << every;
    }
  }
}

TEST(ListenOn, ANamesIpv4Address) {
  const auto listener = listen_on("localhost:0");
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_TRUE(test::accepts_connections({listener->port, "127.0.0.1"}));
}

TEST(ListenOn, RefusesWhatIsNoAddress) {
  for (const char* address : {"", ":", "9586", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                              "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:1 ", "::1:80", "[::1]",
                              "[]:80", "[::1]80", "http://127.0.0.1:80", ":0x50"}) {
    const auto listener = listen_on(address);
    ASSERT_FALSE(listener) << address;
    EXPECT_EQ(listener.error().code, Errc::bad_value) << address;
    EXPECT_THAT(listener.error().context, AllOf(HasSubstr(address), HasSubstr("ADDRESS:PORT")))
        << address;
  }
}

TEST(ListenOn, SaysThatANameIsUnknown) {
  const auto listener = listen_on("no-such-host.invalid:0");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::bad_value);
  EXPECT_THAT(listener.error().context, StartsWith("listen on no-such-host.invalid:0: "));
}

TEST(ListenOn, SaysThatAPortIsInUse) {
  const auto first = listen_on("127.0.0.1:0");
  ASSERT_TRUE(first);
  for (const std::string& address :
       {fmt::format("127.0.0.1:{}", first->port), fmt::format(":{}", first->port)}) {
    const auto second = listen_on(address);
    ASSERT_FALSE(second) << address;
    EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
    EXPECT_THAT(second.error().context,
                AllOf(HasSubstr("listen on " + address), HasSubstr("already in use"),
                      HasSubstr("--web.listen-address")));
  }
}

TEST(ListenOn, DoesNotFallBackToIpv4WhereTheIpv6PortIsInUse) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this host";
  const auto first = listen_on("[::]:0");
  ASSERT_TRUE(first);
  const auto second = listen_on(fmt::format(":{}", first->port));
  ASSERT_FALSE(second) << "it would serve half of what was asked for";
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
}

TEST(ListenOn, SaysThatAnAddressIsNotOnThisHost) {
  const auto listener = listen_on("192.0.2.1:0");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_THAT(listener.error().context, HasSubstr("this host does not have this address"));
}

/// Runs `check` in a child process, which ends with 0 if it says nothing.
void in_child(const std::function<std::string()>& check) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string problem = check();
    fputs(problem.c_str(), stderr);
    _exit(problem.empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(ListenOn, SaysWhatAPrivilegedPortNeeds) {
  in_child([]() -> std::string {
    // Nobody has no capabilities; whoever is no root has none either.
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return "cannot become nobody";
    const auto listener = listen_on("127.0.0.1:1");
    if (listener) return "";  // the host lets everyone (net.ipv4.ip_unprivileged_port_start)
    if (listener.error().code != Errc::access_denied) return listener.error().context;
    return listener.error().context.find("CAP_NET_BIND_SERVICE") != std::string::npos
               ? ""
               : listener.error().context;
  });
}

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

void announce(int count) {
  setenv("LISTEN_PID", fmt::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", fmt::to_string(count).c_str(), 1);
}

/// What take_systemd_listeners() says in a child that was given `fd`.
void expect_refused(int fd, std::string_view why) {
  in_child([&]() -> std::string {
    dup2(fd, kFirst);
    announce(1);
    const auto taken = take_systemd_listeners();
    if (taken) return "taken";
    return taken.error().code == Errc::bad_value &&
                   taken.error().context.find(why) != std::string::npos
               ? ""
               : taken.error().context;
  });
}

TEST(SystemdListeners, AreTakenWithTheirAddresses) {
  const auto first = listen_on("127.0.0.1:0");
  const auto second = listen_on("127.0.0.1:0");
  ASSERT_TRUE(first && second);
  in_child([&]() -> std::string {
    // As systemd hands them over: from 3 on, without close-on-exec.
    const int copy = fcntl(second->socket.get(), F_DUPFD, 100);
    if (dup2(first->socket.get(), kFirst) != kFirst || dup2(copy, kFirst + 1) != kFirst + 1)
      return "dup2";
    announce(2);
    const auto taken = take_systemd_listeners();
    if (!taken) return taken.error().context;
    if (taken->size() != 2) return "not two";
    if ((*taken)[0].address != first->address || (*taken)[1].address != second->address)
      return "other addresses";
    if ((*taken)[0].socket.get() != kFirst || (*taken)[1].socket.get() != kFirst + 1)
      return "other descriptors";
    if ((fcntl(kFirst, F_GETFD) & FD_CLOEXEC) == 0) return "not close-on-exec";
    if (getenv("LISTEN_FDS") != nullptr || getenv("LISTEN_PID") != nullptr)
      return "left in the environment";
    return "";
  });
}

TEST(SystemdListeners, AreRefusedWhenTheyAreNone) {
  const os::UniqueFd not_listening(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  expect_refused(not_listening.get(), "descriptor 3 is not a listening socket");
  const os::UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  expect_refused(udp.get(), "descriptor 3 is not a listening socket");
  const os::UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  expect_refused(file.get(), "descriptor 3 is not a listening socket");
}

TEST(SystemdListeners, AreRefusedWhenTheyAreNoTcp) {
  os::UniqueFd local(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // no path: the kernel chooses an abstract one
  ASSERT_EQ(bind(local.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(local.get(), 1), 0);
  expect_refused(local.get(), "neither IPv4 nor IPv6");
}

TEST(SystemdListeners, AreRefusedWhenTheyWereMeantForAnotherProcess) {
  for (const auto& [given_pid, given_fds] :
       std::initializer_list<std::pair<const char*, const char*>>{{"1", "1"},
                                                                  {"", "1"},
                                                                  {"x", "1"},
                                                                  {nullptr, "1"},
                                                                  {"me", "0"},
                                                                  {"me", "-1"},
                                                                  {"me", ""},
                                                                  {"me", nullptr},
                                                                  {"me", "x"}})
    in_child([pid = given_pid, fds = given_fds]() -> std::string {
      announce(1);
      if (pid == nullptr) unsetenv("LISTEN_PID");
      if (pid != nullptr && std::string_view(pid) != "me") setenv("LISTEN_PID", pid, 1);
      fds == nullptr ? unsetenv("LISTEN_FDS") : setenv("LISTEN_FDS", fds, 1);
      const auto taken = take_systemd_listeners();
      if (taken) return "taken";
      return taken.error().context.find("systemd passed no socket") != std::string::npos
                 ? ""
                 : taken.error().context;
    });
}

}  // namespace
}  // namespace wgscope::exporter::http
