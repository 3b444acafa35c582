package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"porthole/internal/secret"
)

func TestTextHides(t *testing.T) {
	holder := struct{ Key, None secret.Text }{Key: "s3cret"}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", holder.Key, "holder", holder)
	shown := fmt.Sprintf("%v %+v %#v %s %q %s %s", holder, holder, holder, holder.Key, holder.Key, encoded, &log)
	if strings.Contains(shown, "s3cret") || !strings.Contains(shown, "set") || !strings.Contains(shown, "none") {
		t.Errorf("shown as %s", shown)
	}
	if string(holder.Key) != "s3cret" {
		t.Error("it is lost")
	}
}
