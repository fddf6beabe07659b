#include "fetch/digest.h"

#include "base/error.h"
#include "base/file.h"

#include <openssl/evp.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace ablate {
namespace fs = std::filesystem;
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

void need(int done) {
  if (done != 1) throw RunError("OpenSSL cannot compute digests");
}

std::string digest_of(const fs::path& path, const EVP_MD* kind, const std::function<std::string(std::size_t size)>& prefix) {
  constexpr std::size_t piece = 16u << 20;
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const MappedFile file(path);
  const std::string before = prefix(file.bytes().size());
  need(EVP_DigestInit_ex(context.get(), kind, nullptr));
  need(EVP_DigestUpdate(context.get(), before.data(), before.size()));
  for (auto rest = file.bytes(); !rest.empty();) {
    const auto part = rest.first(std::min(piece, rest.size()));
    need(EVP_DigestUpdate(context.get(), part.data(), part.size()));
    drop_pages(part);
    rest = rest.subspan(part.size());
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  need(EVP_DigestFinal_ex(context.get(), digest, &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace

std::string sha256_of(const fs::path& file) {
  return digest_of(file, EVP_sha256(), [](std::size_t) { return std::string(); });
}

std::string git_blob_of(const fs::path& file) {
  return digest_of(file, EVP_sha1(), [](std::size_t size) { return fmt::format("blob {}", size) + '\0'; });
}

std::string check_digest(const fs::path& file, std::string_view digest) {
  if (digest.find_first_not_of("0123456789abcdef") != digest.npos || (digest.size() != 64 && digest.size() != 40)) return "";
  const bool large = digest.size() == 64;
  const std::string found = large ? sha256_of(file) : git_blob_of(file);
  return found == digest ? "" : fmt::format("{} is {}, expected {}", large ? "SHA-256" : "Git's SHA-1", found, digest);
}

}  // namespace ablate
