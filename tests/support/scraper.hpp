#pragma once

#include <atomic>
#include <exception>
#include <set>
#include <string>
#include <thread>

#include "http.hpp"

namespace wgscope::test {

/// Scrapes without a pause until it is destroyed.
class Scraper {
 public:
  explicit Scraper(const HttpServer& server) : thread_([this, server] { run(server); }) {}
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;
  ~Scraper() { stop(); }

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int answered() const { return answered_; }
  /// What went wrong; to be asked after stop().
  [[nodiscard]] const std::set<std::string>& faults() const { return faults_; }

 private:
  void run(const HttpServer& server) {
    while (!stop_) try {
        const HttpResponse response = http(server);
        if (response.status == 200)
          ++answered_;
        else
          faults_.insert(response.body);
      } catch (const std::exception& error) {
        faults_.insert(error.what());
      }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> answered_ = 0;
  std::set<std::string> faults_;
  std::thread thread_;
};

}  // namespace wgscope::test
