package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxAnswer bounds what is read of a response.
const maxAnswer = 256 << 10

// post sends an offer to the WHEP endpoint. The resource is the absolute URL of
// the session that the server made, empty when it made none.
func (h *host) post(ctx context.Context, cfg Config, offer string) (answer, resource string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.URL, strings.NewReader(offer))
	if err != nil {
		return "", "", fmt.Errorf("POST: %w", err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	authorize(req, cfg.Token)
	res, err := h.client.Do(req)
	if err != nil {
		return "", "", fmt.Errorf("POST: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if location, err := res.Location(); err == nil && res.StatusCode == http.StatusCreated {
		resource = location.String()
	}
	switch {
	case err != nil:
		return "", resource, fmt.Errorf("POST: read the answer: %w", err)
	case res.StatusCode != http.StatusCreated:
		return "", "", fmt.Errorf("POST: %s%s", res.Status, detail(body))
	}
	return string(body), resource, nil
}

// hangUp deletes the session. The server frees it by itself when that fails.
func (s *session) hangUp(resource string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, resource, nil)
	if err != nil {
		return
	}
	authorize(req, s.cfg.Token)
	res, err := s.host.client.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the connection can be used again
}

func authorize(req *http.Request, token string) {
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
}

// detail is what an error's body says, when it is a problem document (RFC 9457)
// or a short text.
func detail(body []byte) string {
	var problem struct{ Detail, Error string }
	text := strings.TrimSpace(string(body))
	if json.Unmarshal(body, &problem) == nil {
		text = problem.Detail
		if text == "" {
			text = problem.Error
		}
	}
	if text == "" || len(text) > 200 || strings.ContainsAny(text, "\n\r<") {
		return ""
	}
	return ": " + text
}
