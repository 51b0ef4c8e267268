#pragma once

#include <exception>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "process.hpp"

namespace wgscope::test {

/// Debian's, whose jsonschema is older than what pip installs for another: it loads a schema as it
/// is, or not at all.
inline constexpr const char* kPython = "/usr/bin/python3";

/// Why the validator cannot be used; nothing if it can.
inline std::optional<std::string> why_no_json_schema() {
  try {
    must_run({kPython, "-c", "import jsonschema"});
    return std::nullopt;
  } catch (const std::exception& error) {
    return std::string("needs python3-jsonschema (script/bootstrap --tests): ") + error.what();
  }
}

/// What Debian's validator has against each of a list of documents: a line for each fault, which
/// begins with the document's number. @param schema  a file below the source folder.
inline std::string schema_faults(const std::string& schema, const nlohmann::json& documents) {
  static constexpr const char* kProgram = R"(
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for number, document in enumerate(json.load(sys.stdin)):
    for error in validator.iter_errors(document):
        print(number, list(error.absolute_path), error.message[:200])
)";
  return must_run({kPython, "-c", kProgram, source_dir() / schema},
                  {.env = {}, .netns = {}, .input = documents.dump()});
}

}  // namespace wgscope::test
