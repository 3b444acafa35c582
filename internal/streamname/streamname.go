// Package streamname has the one rule for what a stream may be called: in URLs, in
// settings and on pages.
package streamname

import "regexp"

// Rule says what a name is, for messages.
const Rule = "1 to 64 letters, digits, '_', '.' or '-', and no slash"

// Pattern is the rule as a regular expression, as Go and JavaScript understand it.
const Pattern = `[A-Za-z0-9_.\-]{1,64}`

var whole = regexp.MustCompile("^" + Pattern + "$")

// Valid tells whether a stream can have that name. "." and ".." cannot: they would
// vanish from a URL.
func Valid(name string) bool {
	return whole.MatchString(name) && name != "." && name != ".."
}
