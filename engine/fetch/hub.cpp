#include "fetch/hub.h"

#include "base/error.h"
#include "base/json.h"
#include "fetch/fetch_error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

namespace ablate {
namespace {

using Json = nlohmann::json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// As it stands in a URL, slashes too.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~') result += c;
    else result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

/// W/"abc" or "abc" -> abc
std::string plain_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return etag;
}

bool can_name_a_file(std::string_view etag) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
  return !etag.empty() && etag.size() <= 128 && std::all_of(etag.begin(), etag.end(), allowed);
}

HubRevision read_revision(const std::string& body, const std::string& url) {
  HubRevision revision;
  try {
    const Json json = parse_json<Json>(body, url);
    revision.commit = json.at("sha").get<std::string>();
    for (const Json& file : json.at("siblings")) revision.files.push_back(file.at("rfilename").get<std::string>());
  } catch (const std::exception& error) {
    cannot_fetch("{}: is not the answer of a Hugging Face Hub ({})", url, on_one_line(error.what()));
  }
  if (!is_commit(revision.commit)) cannot_fetch("{}: \"{}\" is no commit", url, on_one_line(revision.commit));
  return revision;
}

}  // namespace

HubServer HubServer::from_environment() {
  HubServer server{variable("HF_ENDPOINT"), variable("HF_TOKEN")};
  if (server.endpoint.empty()) server.endpoint = "https://huggingface.co";
  while (server.endpoint.ends_with('/')) server.endpoint.pop_back();
  require(server.endpoint.starts_with("https://") || server.endpoint.starts_with("http://"),
          "HF_ENDPOINT: expected an address that begins with https://, found \"{}\"", server.endpoint);
  return server;
}

bool hub_is_offline() {
  std::string value = variable("HF_HUB_OFFLINE");
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string Hub::page() const { return fmt::format("{}/{}", server_.endpoint, name_.repository); }

std::string Hub::url(const HubRevision& revision, const std::string& name) const {
  return fmt::format("{}/resolve/{}/{}", page(), revision.commit, escaped(name));
}

HubRevision Hub::revision() {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}", server_.endpoint, name_.repository, escaped(name_.revision));
  const HttpAnswer answer = http_.text(url);
  if (answer.status != 200 || !answer.trouble.empty()) refuse(answer, "");
  return read_revision(answer.body, url);
}

HubFile Hub::file(const HubRevision& revision, const std::string& name) {
  const HttpAnswer answer = http_.head(url(revision, name));
  if ((answer.status != 200 && answer.status / 100 != 3) || !answer.trouble.empty()) refuse(answer, name);
  const auto either = [&](std::string_view linked, std::string_view own) {
    const std::string value = answer.header(linked);
    return value.empty() ? answer.header(own) : value;
  };
  HubFile file{.name = name, .etag = plain_etag(either("x-linked-etag", "etag"))};
  const std::string size = either("x-linked-size", "content-length");
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
  if (!can_name_a_file(file.etag) || error != std::errc{} || end != size.data() + size.size())
    cannot_fetch("{}: the server does not say its size and ETag", url(revision, name));
  return file;
}

void Hub::refuse(const HttpAnswer& answer, std::string_view what) const {
  const std::string name = what.empty() ? name_.repository : fmt::format("{}: {}", name_.repository, what);
  if (answer.status == 0) cannot_fetch("{}: cannot be reached ({}); HF_ENDPOINT names another server", server_.endpoint, answer.trouble);
  const std::string why = answer.header("x-error-code");
  if (why == "GatedRepo" || answer.status == 403)
    cannot_fetch("{}: the model is gated ({}): accept its terms at {} and set HF_TOKEN to a token of that account", name, answer.status,
                 page());
  if (answer.status == 401)
    cannot_fetch("{}: {} has no model of this name, or it is private (401): {}", name, server_.endpoint,
                 server_.token.empty() ? "HF_TOKEN is not set" : "HF_TOKEN gives no access to it");
  if (answer.status == 404 && why == "RevisionNotFound") cannot_fetch("{}: there is no revision {} of it (404)", name, name_.revision);
  if (answer.status == 404 && what.empty()) cannot_fetch("{}: {} has no model of this name (404)", name, server_.endpoint);
  if (answer.status == 404) cannot_fetch("{}: {} has no such file (404)", name, server_.endpoint);
  if (answer.status == 429) cannot_fetch("{}: {} has been asked too often (429): try again later, or set HF_TOKEN", name, server_.endpoint);
  if (answer.status / 100 == 2) cannot_fetch("{}: the answer did not arrive whole ({})", name, answer.trouble);
  cannot_fetch("{}: {} answers with status {}", name, server_.endpoint, answer.status);
}

}  // namespace ablate
