#include "wgscope/audit/lint.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/rights.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/report.hpp"

#include "build_info.hpp"
#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/lint_files.hpp"
#include "probe/options/output_options.hpp"
#include "probe/render/print.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

// wgscope lint: what is wrong or unsafe in files, before anything uses them.

namespace wgscope::probe {
namespace {

constexpr std::string_view kName = "lint";
constexpr unsigned kFileMode = 0644;

struct LintCommand {
  std::vector<std::string> paths;
  std::vector<std::string> inventories;
  bool behind_nat = false;
  bool json = false;
  bool github = false;
  bool fix_print = false;
  bool redact = false;
  std::string junit_file;
  std::string sarif_file;
  std::string gitlab_file;
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

void add_outputs(CommandLine& line, LintCommand& command) {
  line.begin_group("Output");
  line.add_flag("--json", command.json, "Print the result as JSON (docs/lint.schema.json)");
  line.add_flag("--github", command.github, "Print annotations for GitHub Actions instead of text");
  line.add_flag("--fix-print", command.fix_print,
                "Print what the certain corrections change, as a diff for patch(1); no file is "
                "written");
  line.add("--sarif", command.sarif_file, "Also write SARIF 2.1.0, for code reviews").type("FILE");
  line.add("--gitlab", command.gitlab_file, "Also write a GitLab Code Quality report").type("FILE");
  line.add("--junit", command.junit_file, "Also write a JUnit report").type("FILE");
  line.add_flag("--redact", command.redact,
                "Replace keys, addresses, names and paths, so that the result can be shared");
  line.add(
          "--fail-on",
          [&command](const std::string& word) -> Complaint {
            const auto level = parse_fail_on(word);
            if (!level || *level == diagnosis::FailOn::unknown)
              return "--fail-on: expected critical or warning";
            command.fail_on = *level;
            return std::nullopt;
          },
          "Exit non-zero from this severity on: critical, or warning (default)")
      .type("WHAT");
}

std::optional<Exit> parse(LintCommand& command, std::vector<std::string> arguments) {
  CommandLine line(
      "Look for mistakes and risks in wg-quick files, systemd-networkd's files and inventories: "
      "each file alone, all of them together, and both ends of one tunnel against each other. No "
      "file that is read is changed, and nothing is sent.",
      "wgscope lint");
  line.add(
          "FILE", command.paths,
          "wg-quick files, .netdev files of systemd-networkd (with the drop-ins and .network files "
          "beside them, or with the .network files that are given), inventories (.yaml, .yml, "
          ".json), directories of these, or - for standard input")
      .type("");
  line.add("--inventory", command.inventories,
           "Also judge the files by the policies of this inventory: a file or a directory")
      .type("PATH")
      .one_value_each();
  line.add_flag("--behind-nat", command.behind_nat,
                "The hosts of these files are behind a NAT: a missing keepalive is a finding");
  add_outputs(line, command);
  line.check([&command]() -> Complaint {
    if (command.paths.empty()) return "give a file or a directory: FILE";
    if (int{command.json} + int{command.github} + int{command.fix_print} > 1)
      return "--json, --github and --fix-print exclude one another";
    if (command.fix_print && command.redact)
      return "--fix-print cannot be redacted: patch(1) needs the lines as they are";
    return std::nullopt;
  });
  line.end_of_help(
      "Examples:\n  wgscope lint /etc/wireguard\n"
      "  wgscope lint gateway/wg0.conf laptop/wg0.conf\n"
      "  wgscope lint --inventory inventory/ hosts/*.conf\n\n"
      "Exit codes: 0 ok, 1 warnings, 2 critical, 3 a file could not be read (and nothing critical "
      "was found), wrong usage, or an output that cannot be written.\n");
  return line.parse(std::move(arguments));
}

std::optional<PublicKey> derive(const PrivateKey& key) {
  const auto derived = crypto::derive_public_key(key.secret);
  if (!derived) return std::nullopt;
  return PublicKey{*derived};
}

std::optional<audit::NetworkdUser> networkd_user() {
  const auto found = os::user_named("systemd-network");
  if (!found) return std::nullopt;
  return audit::NetworkdUser{found->user, found->group};
}

std::string diffs(const LintInput& input, const std::vector<audit::PlacedFinding>& findings) {
  std::string text;
  std::set<std::string> shown;  // a .network file may be for several interfaces
  const auto add = [&](const std::string& name, std::string_view of_file) {
    if (shown.insert(name).second) text += audit::diff(name, of_file, findings);
  };
  for (const audit::LintFile& file : input.files()) {
    add(file.name, file.text);
    if (!file.networkd) continue;
    for (const audit::LintUnit& unit : file.networkd->drop_ins) add(unit.name, unit.text);
    for (const audit::LintUnit& unit : file.networkd->network) add(unit.name, unit.text);
  }
  return text;
}

/// @returns whether all files were written; otherwise a line on standard error says why not.
bool write_files(const render::PlacedReport& report, const LintCommand& command) {
  const render::PlacedStyle style{.redact = command.redact, .fail_on = command.fail_on};
  bool all_written = true;
  const auto write = [&](const std::string& path, const std::function<std::string()>& content) {
    if (path.empty()) return;
    auto written = os::check_replaceable(path);
    if (written) written = os::replace_file(path, content(), kFileMode);
    if (written) return;
    complain(kName, written.error().context);
    all_written = false;
  };
  write(command.junit_file, [&] { return render::to_junit(report, style); });
  write(command.sarif_file,
        [&] { return render::to_sarif(report, build_info::kVersion, command.redact); });
  write(command.gitlab_file, [&] { return render::to_gitlab(report, command.redact); });
  return all_written;
}

std::string text_of(const render::PlacedReport& report, const LintCommand& command) {
  const render::PlacedStyle style{.colour = wants_colour(surroundings_of_stdout()),
                                  .redact = command.redact,
                                  .fail_on = command.fail_on};
  if (command.json) return render::to_json(report, style);
  if (command.github) return render::to_github(report, command.redact);
  return render::to_text(report, style);
}

}  // namespace

Exit run_lint(std::vector<std::string> arguments) {
  LintCommand command;
  if (const auto ended = parse(command, std::move(arguments))) return *ended;
  std::vector<std::string> paths = command.paths;
  paths.insert(paths.end(), command.inventories.begin(), command.inventories.end());
  const LintInput input = LintInput::read(paths);
  audit::LintResult result = audit::lint(input.files(), {.derive = derive,
                                                         .behind_nat = command.behind_nat,
                                                         .networkd_user = networkd_user(),
                                                         .inventory = input.inventory()});
  const render::PlacedReport report{.verb = kName,
                                    .files = input.names(),
                                    .findings = std::move(result.findings),
                                    .unread = result.unread,
                                    .suppressed = result.suppressed,
                                    .left_off = result.left_off};
  const bool all_written = write_files(report, command);
  const std::string text =
      command.fix_print ? diffs(input, report.findings) : text_of(report, command);
  if (print(kName, text) != Exit::ok || !all_written) return Exit::unknown;
  return static_cast<Exit>(render::exit_code(render::status_of(report, command.fail_on)));
}

}  // namespace wgscope::probe
