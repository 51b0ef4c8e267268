#include "exporter/inventory/lookups.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A name server that the test controls. Look-ups may outlive the test's body, so they share it.
class Server {
 public:
  Result<std::vector<Endpoint>> answer(const std::string& host) {
    std::unique_lock lock(mutex_);
    asked_.push_back(host);
    changed_.notify_all();
    changed_.wait(lock, [&] { return host != silent_; });
    if (host == failing_) return fail(Errc::timeout, "no server");
    return std::vector{Endpoint::parse("192.0.2.2:1").value(),
                       Endpoint::parse("192.0.2.1:1").value()};
  }

  void set(std::string silent, std::string failing) {
    {
      const std::lock_guard lock(mutex_);
      silent_ = std::move(silent);
      failing_ = std::move(failing);
    }
    changed_.notify_all();
  }

  [[nodiscard]] std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> asked_;
  std::string silent_;
  std::string failing_;
};

class Lookups : public ::testing::Test {
 protected:
  ~Lookups() override { server_->set("", ""); }  // so that no thread waits for ever

  [[nodiscard]] NameLookups::Settings settings() const {
    NameLookups::Settings made;
    made.interval = 10min;
    made.pause = 0ms;
    made.look_up = [server = server_](const std::string& host) { return server->answer(host); };
    return made;
  }

  static bool wait(const std::function<bool()>& until) { return test::wait_until(until, 20s); }

  std::shared_ptr<Server> server_ = std::make_shared<Server>();
};

TEST_F(Lookups, FindEachNameOnceInItsTime) {
  NameLookups lookups(settings());
  EXPECT_THAT(lookups.known()->resolutions, IsEmpty());
  EXPECT_EQ(lookups.known()->oldest, std::nullopt) << "there is no name";
  lookups.want({"a.example", "b.example"});
  ASSERT_TRUE(wait([&] { return lookups.known()->resolutions.size() == 2; }));
  const auto known = lookups.known();
  std::vector<std::string> addresses;
  for (const IpAddress& address : known->resolutions.at("a.example").addresses)
    addresses.push_back(address.to_string());
  EXPECT_THAT(addresses, ElementsAre("192.0.2.1", "192.0.2.2")) << "sorted";
  EXPECT_FALSE(known->resolutions.at("a.example").failed);
  EXPECT_LE(*known->oldest, os::boot_now());
  lookups.want({"b.example", "c.example"});
  ASSERT_TRUE(wait([&] { return lookups.known()->resolutions.contains("c.example"); }));
  EXPECT_FALSE(lookups.known()->resolutions.contains("a.example"));
  EXPECT_THAT(server_->asked(), ElementsAre("a.example", "b.example", "c.example"))
      << "b is known, and not looked up again before its time";
}

TEST_F(Lookups, AskAgainAfterTheInterval) {
  NameLookups::Settings often = settings();
  often.interval = 1ms;
  NameLookups lookups(often);
  lookups.want({"a.example"});
  EXPECT_TRUE(wait([&] { return server_->asked().size() > 3; }));
}

TEST_F(Lookups, ThatFailAreNotKnownAndGrowOld) {
  server_->set("", "a.example");
  const Instant before = os::boot_now();
  NameLookups lookups(settings());
  lookups.want({"a.example", "b.example"});
  ASSERT_TRUE(wait([&] { return lookups.known()->resolutions.size() == 2; }));
  const auto known = lookups.known();
  EXPECT_TRUE(known->resolutions.at("a.example").failed);
  EXPECT_THAT(known->resolutions.at("a.example").addresses, IsEmpty());
  EXPECT_GE(*known->oldest, before) << "since it was wanted";
  EXPECT_LT(*known->oldest, known->resolutions.at("b.example").at);
}

TEST_F(Lookups, OfASilentServerHoldNobodyUp) {
  server_->set("a.example", "");
  {
    NameLookups lookups(settings());
    lookups.want({"a.example", "b.example"});
    ASSERT_TRUE(wait([&] { return server_->asked().size() == 1; }));
    EXPECT_THAT(lookups.known()->resolutions, IsEmpty());
    EXPECT_TRUE(lookups.known()->oldest) << "its age grows";
    lookups.want({"b.example"});
  }  // does not wait for the answer
  EXPECT_THAT(server_->asked(), ElementsAre("a.example"));
}

TEST_F(Lookups, AreBoundedInNumber) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < NameLookups::kMostNames + 5; ++i)
    names.push_back(fmt::format("{:05}.example", i));
  NameLookups lookups(settings());
  lookups.want(names);
  ASSERT_TRUE(wait([&] { return lookups.known()->resolutions.size() == NameLookups::kMostNames; }));
  EXPECT_THAT(server_->asked(), SizeIs(NameLookups::kMostNames));
}

}  // namespace
}  // namespace wgscope::exporter
