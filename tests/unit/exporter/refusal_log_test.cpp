#include "exporter/http/refusal_log.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

TEST(LineLimit, AdmitsSoManyAMinuteAndCountsTheOthers) {
  LineLimit limit(3);
  const Instant start{1000s};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit(start + 1s * i), 0U) << i;
  for (int i = 0; i < 40; ++i) EXPECT_EQ(limit.admit(start + 1s * i), std::nullopt) << i;
  EXPECT_EQ(limit.admit(start + 59s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 60s), 41U);
  EXPECT_EQ(limit.admit(start + 61s), 0U);
}

TEST(LineLimit, AdmitsAtOnceAfterALongSilence) {
  LineLimit limit(1);
  EXPECT_EQ(limit.admit(Instant{5s}), 0U);
  EXPECT_EQ(limit.admit(Instant{10h}), 0U);
  EXPECT_EQ(limit.admit(Instant{10h}), std::nullopt);
}

TEST(RefusalLog, WritesWhoWasToldWhat) {
  std::mutex mutex;
  std::vector<std::string> lines;
  RefusalLog log([&](const RefusalLog::Line& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line.from + " " + line.said);
  });
  log.add(RefusalLog::What::request, "192.0.2.1", "400 no\n", Instant{1s});
  EXPECT_TRUE(test::wait_until(
      [&] {
        const std::lock_guard lock(mutex);
        return lines == std::vector<std::string>{"192.0.2.1 400 no"};
      },
      10s));
}

TEST(RefusalLog, HidesNoKindBehindAFloodOfAnother) {
  std::mutex mutex;
  std::map<RefusalLog::What, std::size_t> written;
  RefusalLog log([&](const RefusalLog::Line& line) {
    const std::lock_guard lock(mutex);
    ++written[line.what];
  });
  for (int i = 0; i < 100; ++i) log.add(RefusalLog::What::request, "192.0.2.1", "400", Instant{1s});
  log.add(RefusalLog::What::tls, "192.0.2.2", "no certificate", Instant{1s});
  log.add(RefusalLog::What::login, "192.0.2.3", "wrong password", Instant{1s});
  EXPECT_TRUE(test::wait_until(
      [&] {
        const std::lock_guard lock(mutex);
        return written[RefusalLog::What::tls] == 1 && written[RefusalLog::What::login] == 1;
      },
      10s));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(written[RefusalLog::What::request], RefusalLog::kLinesAMinute);
}

TEST(RefusalLog, DoesNotWaitForWhoReadsTheLog) {
  std::atomic<bool> release = false;
  std::atomic<std::size_t> written = 0;
  {
    RefusalLog log([&](const RefusalLog::Line&) {
      release.wait(false);
      ++written;
    });
    for (int minute = 0; minute < 1000; ++minute)
      for (int i = 0; i < 20; ++i)
        log.add(RefusalLog::What::request, "192.0.2.1", "400", Instant{minute * 60s});
    EXPECT_EQ(written, 0U);
    release = true;
    release.notify_all();
    EXPECT_TRUE(test::wait_until([&] { return written >= 4 * RefusalLog::kLinesAMinute; }, 10s));
  }
  // As many as may wait while its thread writes as many as that.
  EXPECT_LE(written, 8 * RefusalLog::kLinesAMinute) << "and does not keep what nobody reads";
}

}  // namespace
}  // namespace wgscope::exporter::http
