package backlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/backlog"
)

// terminal is a writer that holds everybody up until it is let go.
type terminal struct {
	let chan struct{}
	got bytes.Buffer
}

func (t *terminal) Write(p []byte) (int, error) {
	<-t.let
	return t.got.Write(p)
}

func note(n uint64) []byte { return fmt.Appendf(nil, "%d are missing\n", n) }

func TestWhoLogsNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &terminal{let: make(chan struct{})}
		w := backlog.New(backlog.Config{Out: out, Limit: 20, Note: note})
		fmt.Fprint(w, "first\n")
		synctest.Wait() // it is being written
		for i := range 10 {
			fmt.Fprintf(w, "record %d\n", i) // two of 9 bytes fit
		}
		if n := w.Dropped(); n != 8 {
			t.Errorf("%d dropped, want 8", n)
		}
		close(out.let)
		synctest.Wait()
		fmt.Fprint(w, "last\n")
		if !w.Close(time.Second) {
			t.Error("Close gave up on a writer that takes everything")
		}
		const want = "first\nrecord 0\nrecord 1\n8 are missing\nlast\n"
		if got := out.got.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCloseDoesNotWaitForAStalledWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &terminal{let: make(chan struct{})}
		w := backlog.New(backlog.Config{Out: out})
		fmt.Fprint(w, "first\n")
		began := time.Now()
		if w.Close(time.Second) {
			t.Error("Close says that all was written")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, want 1s", took)
		}
		fmt.Fprint(w, "too late\n")
		if n := w.Dropped(); n != 1 {
			t.Errorf("%d dropped after Close, want 1", n)
		}
		close(out.let)
	})
}

// broken is a pipe that nobody has open any more.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestABrokenPipeIsCounted(t *testing.T) {
	w := backlog.New(backlog.Config{Out: broken{}})
	for range 3 {
		fmt.Fprint(w, "record\n")
	}
	w.Close(10 * time.Second)
	if n := w.Dropped(); n != 3 {
		t.Errorf("%d dropped, want 3", n)
	}
}

func TestEverythingIsWrittenInOrder(t *testing.T) {
	var out bytes.Buffer
	w := backlog.New(backlog.Config{Out: &out})
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&want, "record %d\n", i)
		fmt.Fprintf(w, "record %d\n", i)
	}
	if !w.Close(10 * time.Second) {
		t.Fatal("Close gave up")
	}
	if out.String() != want.String() {
		t.Errorf("%d bytes came out of %d", out.Len(), want.Len())
	}
}
