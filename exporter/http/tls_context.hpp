#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/http/web_config.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace wgscope::exporter::http {

/// All that is the same for every handshake: certificate, key, versions, what is asked of clients.
/// Never changed once made; sessions keep the one that they began with.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

struct TlsContextMade {
  TlsContext context;  ///< nothing if there are problems
  std::vector<std::string>
      problems;  ///< each names the field and the file, and has nothing of its content
};

/// Reads the files that the settings name.
/// @param folder  that relative paths start from, with a slash at its end; empty: this process'.
TlsContextMade make_tls_context(const TlsSettings& settings, const std::string& folder);

/// The files that make_tls_context() reads.
std::vector<std::string> tls_files(const TlsSettings& settings, const std::string& folder);

}  // namespace wgscope::exporter::http
