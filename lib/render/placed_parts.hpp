#pragma once

#include <string>
#include <string_view>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/redaction.hpp"

// What the forms of placed findings share.

namespace wgscope::render {

/// Numbers everything in the order of the report.
Redaction redaction_of(const PlacedReport& report, bool wanted);
std::string shown_file(const std::string& file, Redaction& redaction);
/// "wg0.conf:12:7"
std::string shown_place(const audit::Place& place, Redaction& redaction);
/// "2 critical, 1 warning in 3 files; …"
std::string verdict_of(const PlacedReport& report, diagnosis::FailOn fail_on);
/// Stays the same when lines move: of the ID, the file and the cause.
std::string fingerprint(const audit::PlacedFinding& finding, Redaction& redaction);
/// A relative path as a URI reference, an absolute one as a file URI (RFC 3986, RFC 8089).
std::string uri_of(std::string_view path);

}  // namespace wgscope::render
