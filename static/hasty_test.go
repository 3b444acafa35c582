package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// A page that is made for one request is compressed while a compressor is free. When none is, nobody waits and no memory is taken.
func TestCompressorsAreFew(t *testing.T) {
	body := bytes.Repeat([]byte("a page "), 1000)
	c := newCompressors(1)
	compressed, ok := c.compress(body)
	if !ok {
		t.Fatal("a free compressor was not used")
	}
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body) {
		t.Errorf("what was compressed is not the page: %v", err)
	}
	busy := <-c
	if _, ok := c.compress(body); ok {
		t.Error("compressed by none")
	}
	c <- busy
	if _, ok := c.compress(body); !ok {
		t.Error("a compressor that is free again was not used")
	}
}
