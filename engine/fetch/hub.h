// What the Hugging Face Hub, or a server that answers as it does, says about a model.
// https://huggingface.co/docs/hub/api
#pragma once

#include "base/huggingface_cache.h"
#include "fetch/http.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

struct HubServer {
  std::string endpoint;  ///< "https://huggingface.co", without a slash at its end
  std::string token;     ///< "": none

  /// $HF_ENDPOINT and $HF_TOKEN. Throws InputError for an endpoint that is no http address.
  static HubServer from_environment();
};

/// Whether $HF_HUB_OFFLINE asks for no downloads.
bool hub_is_offline();

struct HubRevision {
  std::string commit;
  std::vector<std::string> files;  ///< with their folders, "onnx/model.onnx"
};

struct HubFile {
  std::string name;
  std::string etag;  ///< names the content: a SHA-256 in large-file storage, else Git's SHA-1; a name of a file in any case
  std::uint64_t size = 0;
};

/// Everything throws FetchError in one line.
class Hub {
 public:
  Hub(HubServer server, HubName name) : server_(std::move(server)), name_(std::move(name)), http_(server_.token) {}

  HubRevision revision();
  HubFile file(const HubRevision& revision, const std::string& name);
  std::string url(const HubRevision& revision, const std::string& name) const;

  Http& http() { return http_; }
  /// Why an answer is not what was asked for.
  [[noreturn]] void refuse(const HttpAnswer& answer, std::string_view what) const;

 private:
  std::string page() const;

  HubServer server_;
  HubName name_;
  Http http_;
};

}  // namespace ablate
