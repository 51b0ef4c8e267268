#pragma once

namespace wgscope::crypto {

/// Keeps OpenSSL from loading what this room never asks for: its configuration file, the names of
/// all algorithms, the texts of errors, and what clears up at the end of the process, when the
/// kernel takes the memory anyhow. That was a tenth of the processor time of `wgscope handshake`.
/// Only for a program that uses OpenSSL through this room alone, before anything of it ran; an
/// algorithm that it would not find then is one that this room does not have. Has no effect later.
void start_quickly();

}  // namespace wgscope::crypto
