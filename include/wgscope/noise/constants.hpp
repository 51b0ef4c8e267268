#pragma once

#include <chrono>
#include <cstdint>

// The protocol's constants (whitepaper §6.1). Those of this implementation stand where
// they are used.

namespace wgscope::noise {

inline constexpr std::uint64_t kRekeyAfterMessages = std::uint64_t{1} << 60U;
inline constexpr std::uint64_t kRejectAfterMessages = ~std::uint64_t{0} - (std::uint64_t{1} << 13U);
inline constexpr std::chrono::seconds kRekeyAfterTime{120};
inline constexpr std::chrono::seconds kRejectAfterTime{180};
inline constexpr std::chrono::seconds kRekeyAttemptTime{90};
inline constexpr std::chrono::seconds kRekeyTimeout{5};
inline constexpr std::chrono::seconds kKeepaliveTimeout{10};

}  // namespace wgscope::noise
