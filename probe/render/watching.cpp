#include "probe/render/watching.hpp"

#include <utility>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/render/report.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {

Exit Watching::show(const diagnosis::Report& report) {
  Seen seen{diagnosis::verdict(report), report.success, {}};
  for (const diagnosis::Check& check : report.checks)
    seen.checks.push_back({check.name, check.target, check.status,
                           check.finding ? check.finding->cause : diagnosis::Text()});
  TextForm form = TextForm::whole;
  if (last_) form = *last_ == seen ? TextForm::one_line : TextForm::changed;
  last_ = std::move(seen);
  return show_report(report, options_, form);
}

}  // namespace wgscope::probe
