// Words for error messages: characters, lists, the nearest known name.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gradus::expression {

/// The length in bytes of the UTF-8 character that `text` begins with; a malformed byte counts as one character.
std::size_t character_length(std::string_view text);

/// The first character of `text` in quotes; what cannot be printed appears as its code, '\x07'.
std::string quoted_character(std::string_view text);

/// `text` as it may stand in a message: of a long one the middle is left out. `most` counts bytes; characters stay whole.
std::string excerpt(std::string_view text, std::size_t most = 60);

/// The names separated by commas, at most the first dozen.
std::string list_of(std::span<const std::string> names);

/// "; did you mean 'tanh'?" with the name within two edits of `name`, or nothing when there is none.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

/// "tanh takes 1 argument, not 2".
std::string wrong_argument_count(std::string_view function, std::size_t min, std::size_t max, std::size_t given);

}  // namespace gradus::expression
