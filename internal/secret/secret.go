// Package secret has a text that shows itself nowhere, however it is printed.
package secret

import "log/slog"

// Text is a token, a password or a key. fmt, log/slog and JSON are told whether there is
// one; string(t) is what it hides.
type Text string

// String says whether there is one.
func (t Text) String() string {
	if t == "" {
		return "none"
	}
	return "set"
}

// GoString keeps %#v from showing what String hides.
func (t Text) GoString() string { return t.String() }

// MarshalText keeps it out of JSON.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue keeps it out of logs.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
