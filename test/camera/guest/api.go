//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const site = "http://127.0.0.1:8080"

func get(ctx context.Context, path string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, site+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// awaitState waits until the API says so of the stream.
func awaitState(ctx context.Context, state, sourceState string) error {
	return poll(func() error {
		body, err := get(ctx, "/api/streams/webcam")
		if err != nil {
			return err
		}
		var stream struct{ State, SourceState string }
		if err := json.Unmarshal(body, &stream); err != nil {
			return err
		}
		if stream.State != state || stream.SourceState != sourceState {
			return fmt.Errorf("the stream is %q, its source %q; waited for %q and %q", stream.State, stream.SourceState, state, sourceState)
		}
		return nil
	})
}

// failures returns how many failures of a kind were counted.
func failures(ctx context.Context, reason string) (int, error) {
	body, err := get(ctx, "/metrics")
	if err != nil || reason == "" {
		return 0, err
	}
	prefix := fmt.Sprintf("porthole_source_failures_total{reason=%q} ", reason)
	for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
		if count, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return strconv.Atoi(count)
		}
	}
	return 0, fmt.Errorf("no metric %s", prefix)
}
