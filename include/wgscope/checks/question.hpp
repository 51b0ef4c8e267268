#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// One thing to find out about a tunnel or a path. Each subject's header has the function that
/// makes its question: ping_question(), mtu_question(). Such a function looks at all options and
/// says what is wrong with them, so that a question that exists can be asked.
class Question {
 public:
  /// @param kinds  what skip() says was not asked.
  explicit Question(std::span<const diagnosis::CheckKind> kinds = {}) : kinds_(kinds) {}
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  virtual ~Question() = default;

  /// What the question is about: "gw.example.net:51820".
  [[nodiscard]] virtual diagnosis::Text target() const = 0;
  /// One line for each thing that ask() would send, to whom, and what that changes there. Where
  /// there is a tunnel, Tunnel::plan() comes before.
  [[nodiscard]] virtual std::vector<diagnosis::Text> plan() const = 0;
  /// Finds the answer, and adds it to the report. @param deadline  when the check must end, the
  /// handshake included; nothing: no limit.
  virtual void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) = 0;
  /// Adds to the report that the question was not asked. @param because  the finding that explains
  /// why; nothing: the run was interrupted.
  virtual void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const {
    diagnosis::skip(kinds_, because, report);
  }

 private:
  std::span<const diagnosis::CheckKind> kinds_;
};

/// Is shown the facts behind a report, for what only somebody at a terminal wants to see.
template <class Facts>
using Shown = std::function<void(const Facts&)>;

/// A question that is asked through a tunnel, and skipped where none stands.
class InnerQuestion : public Question {
 public:
  /// @param tunnel  outlives the question. @param kinds  as Question's.
  InnerQuestion(Tunnel& tunnel, std::span<const diagnosis::CheckKind> kinds);

  [[nodiscard]] diagnosis::Text target() const override;
  void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) final;

 protected:
  [[nodiscard]] Tunnel& tunnel() const { return tunnel_; }
  /// The address inside the tunnel that a plan names: the given one, or else the one that would be
  /// guessed.
  [[nodiscard]] diagnosis::Text whom(const std::optional<IpAddress>& given) const;
  virtual void ask_through(Run& run, Session& session, std::optional<Instant> deadline,
                           diagnosis::Report& report) = 0;

 private:
  Tunnel& tunnel_;
};

/// A question of several parts. What ask() does is up to the class that derives from it.
class Series : public Question {
 public:
  /// @param parts  at least one; the target is the first one's.
  explicit Series(std::vector<std::unique_ptr<Question>> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] diagnosis::Text target() const override { return parts_.front()->target(); }
  [[nodiscard]] std::vector<diagnosis::Text> plan() const override;
  void skip(std::optional<diagnosis::FindingId> because, diagnosis::Report& report) const override;

 protected:
  [[nodiscard]] const std::vector<std::unique_ptr<Question>>& parts() const { return parts_; }

 private:
  std::vector<std::unique_ptr<Question>> parts_;
};

/// Several questions, asked one after the other; those after an interruption are skipped.
/// @param questions  at least one; the target is the last one's.
std::unique_ptr<Question> in_turn(std::vector<std::unique_ptr<Question>> questions);

/// Whether the tunnel works, and if not, why.
/// @param tunnel  outlives the question. @param options  replace the tunnel's.
/// @returns bad_value: something to ping that does not lie inside the tunnel.
Result<std::unique_ptr<Question>> handshake_question(Tunnel& tunnel, HandshakeOptions options);

}  // namespace wgscope::checks
