// Package conformance tests what WHIP (RFC 9725) and WHEP clients may rely on,
// row by row: each test is named after a row of docs/CONFORMANCE.md, which says
// what the row asks for and where that stands.
//
// The server is the real program, built once and started on free ports of the
// loopback interface; the clients are net/http, byte for byte where it matters,
// and pion peers that can be made as odd as real ones are. Tests of the same
// things in one package's own words are in that package; here nothing but the
// wire counts. The package exports nothing and is imported by nothing.
//
// CONFORMANCE_BINARY in the environment names a porthole to test in place of
// building one.
package conformance
