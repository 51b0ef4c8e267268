#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/collection.hpp"
#include "fake_daemon.hpp"
#include "temp_dir.hpp"

namespace wgscope::exporter {

/// Collections that read daemons in a folder of the test's own, and nothing of the kernel. A daemon
/// called `lo` has a link, the loopback's; any other interface is missing, and reported so.
class CollectionsTest : public ::testing::Test {
 protected:
  static Instant in(Nanoseconds time) { return os::boot_now() + time; }
  static Instant soon() { return in(std::chrono::seconds(20)); }

  /// Options that take a new collection each time.
  [[nodiscard]] CollectorOptions options() const {
    CollectorOptions made;
    made.source.kernel = false;
    made.source.uapi_folder = folder_.path().string();
    made.max_age = Nanoseconds(0);
    made.names_patience = std::chrono::seconds(20);
    made.seed = 1;
    return made;
  }

  [[nodiscard]] Collections::Warn collect_warnings() {
    return [this](const std::string& message) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(message);
    };
  }

  /// What was warned of since the last call.
  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(warnings_, {});
  }

  static std::shared_ptr<const Collection> get(Collections& collections) {
    auto collection = collections.get(soon());
    EXPECT_TRUE(collection) << collection.error().context;
    return collection ? *collection : std::make_shared<const Collection>();
  }

  test::TempDir folder_;

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

}  // namespace wgscope::exporter
