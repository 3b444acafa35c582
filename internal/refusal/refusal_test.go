package refusal_test

import (
	"errors"
	"fmt"
	"testing"

	"porthole/internal/refusal"
)

func TestOf(t *testing.T) {
	one, other := refusal.Busy.New("taken"), refusal.Busy.New("taken")
	if errors.Is(one, other) {
		t.Error("two errors of a class are the same error")
	}
	for _, tt := range []struct {
		err  error
		want refusal.Class
	}{
		{nil, refusal.None},
		{errors.New("x"), refusal.None},
		{one, refusal.Busy},
		{fmt.Errorf("join: %w", refusal.Absent.New("nobody is here")), refusal.Absent},
		{errors.Join(errors.New("x"), refusal.Full.New("no room")), refusal.Full},
		{fmt.Errorf("%w: %w", refusal.Gone.New("over"), one), refusal.Gone},
	} {
		if got := refusal.Of(tt.err); got != tt.want {
			t.Errorf("%v is of class %d, want %d", tt.err, got, tt.want)
		}
	}
	if got := refusal.Busy.New("taken").Error(); got != "taken" {
		t.Errorf("got %q", got)
	}
}
