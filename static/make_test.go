package static

import "testing"

// What the pages cost a server that starts.
func BenchmarkMake(b *testing.B) {
	for b.Loop() {
		if made := bundled(embedded); made.err != nil {
			b.Fatal(made.err)
		}
	}
}
