package problem_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"porthole/internal/problem"
)

func TestWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		detail string
		want   problem.Document
	}{
		"the detail is there twice, for scripts that look for error": {
			409, "stream is busy",
			problem.Document{Type: "about:blank", Title: "Conflict", Status: 409, Detail: "stream is busy", Error: "stream is busy"},
		},
		"without a detail the title says it": {
			404, "",
			problem.Document{Type: "about:blank", Title: "Not Found", Status: 404, Detail: "Not Found", Error: "Not Found"},
		},
		"what a stranger wrote cannot leave its string": {
			400, "line \"a=\u2028\n<b>",
			problem.Document{Type: "about:blank", Title: "Bad Request", Status: 400, Detail: "line \"a=\u2028\n<b>", Error: "line \"a=\u2028\n<b>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			problem.Write(rec, tt.status, tt.detail)

			res := rec.Result()
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type %q", got)
			}
			if got := res.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			var got problem.Document
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
				t.Fatalf("body is not JSON: %v", err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if http.StatusText(got.Status) != got.Title {
				t.Errorf("title %q does not belong to status %d", got.Title, got.Status)
			}
		})
	}
}
