//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"porthole/capture/v4l2/videodev"
	"porthole/test/camera/report"
)

const controlsPath = "/api/sources/webcam"

// change asks Porthole to set controls.
func change(ctx context.Context, controls string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, site+controlsPath, bytes.NewReader([]byte(`{"controls":`+controls+`}`)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// turnKnobs lists the camera's controls and sets some, while it is watched. What became of them is read from the driver.
func turnKnobs(ctx context.Context, told *report.Report) error {
	listed, err := get(ctx, controlsPath)
	if err != nil {
		return err
	}
	told.Controls.Listed = listed
	for _, step := range []struct {
		controls string
		status   int
	}{
		{`{"brightness":200,"hflip":true,"auto-gain":false,"gain":17}`, http.StatusOK},
		{`{"contrast":null,"test-pattern":"gray-ramp"}`, http.StatusOK},
		{`{"brightness":100000,"contrast":5}`, http.StatusUnprocessableEntity},
		{`{"there-is-none":1}`, http.StatusUnprocessableEntity},
	} {
		status, body, err := change(ctx, step.controls)
		if err != nil {
			return err
		}
		if status != step.status {
			return fmt.Errorf("set %s: %d %s, want %d", step.controls, status, body, step.status)
		}
		if status != http.StatusOK {
			told.Controls.Refused = append(told.Controls.Refused, string(body))
		}
	}
	told.Controls.Set, err = driverSays(cameraNode(0))
	return err
}

// knobsAgain looks at them after the camera was plugged in again, which has forgotten all.
func knobsAgain(told *report.Report) (err error) {
	told.Controls.Replugged, err = driverSays(cameraNode(otherNumber))
	return err
}

// driverSays reads controls by the driver's names.
func driverSays(path string) (map[string]int64, error) {
	node, err := videodev.Open(path)
	if err != nil {
		return nil, err
	}
	defer node.Close()
	list, err := node.Controls()
	values := make(map[string]int64)
	for _, c := range list {
		if _, twice := values[c.Title]; !twice {
			values[c.Title] = c.Value
		}
	}
	return values, err
}
