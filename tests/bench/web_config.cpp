#include "web_config.hpp"

#include <string>

#include "certificates.hpp"
#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::bench {

std::string write_web_config(const test::TempDir& folder) {
  const test::Certificate made = test::make_certificate();
  test::write_file(folder / "web.crt", made.certificate);
  test::write_file(folder / "web.key", made.key);
  test::write_file(folder / "web.yml",
                   "tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
  return folder / "web.yml";
}

}  // namespace wgscope::bench
