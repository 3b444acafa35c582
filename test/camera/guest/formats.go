//go:build linux

package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/v4l2"
	"porthole/capture/v4l2/videodev"
	"porthole/test/camera/report"
)

// formats opens the camera in each of its formats, one after the other, and looks at a few pictures: the camera shows the same in all.
func formats(ctx context.Context, told *report.Report) error {
	spec, err := source.ParseSpec("camera:" + cameraNode(0) + mode)
	if err != nil {
		return err
	}
	node, err := videodev.Open(cameraNode(0))
	if err != nil {
		return err
	}
	var codes []videodev.FourCC
	for _, m := range node.Modes(nil) {
		if m.Width == spec.Width && m.Height == spec.Height && !slices.Contains(codes, m.Format) {
			codes = append(codes, m.Format)
		}
	}
	if err := node.Close(); err != nil {
		return err
	}
	for _, code := range codes {
		seen, err := look(ctx, spec, code)
		if err != nil {
			return fmt.Errorf("format %v: %w", code, err)
		}
		if seen.Pictures > 0 {
			told.Formats = append(told.Formats, seen)
		}
	}
	return nil
}

// only is a node that has one format.
type only struct {
	v4l2.Node
	format videodev.FourCC
}

func (o only) Modes(sizes [][2]int) []videodev.Mode {
	return slices.DeleteFunc(o.Node.Modes(sizes), func(m videodev.Mode) bool { return m.Format != o.format })
}

// look reads pictures in one format; none where it is one that Porthole does not read.
func look(ctx context.Context, spec source.Spec, format videodev.FourCC) (seen report.Format, err error) {
	host := v4l2.ThisMachine()
	open := host.Open
	host.Open = func(path string) (v4l2.Node, error) {
		node, err := open(path)
		return only{node, format}, err
	}
	if err := host.Check(spec); err != nil {
		return seen, nil //nolint:nilerr // it has formats that nobody reads
	}
	camera := host.New(spec, slog.New(slog.DiscardHandler))
	defer camera.Close()
	in, err := camera.Open()
	if err != nil {
		return seen, err
	}
	defer in.Close()
	seen.Name = format.String()
	var last time.Time
	for seen.Pictures < 5 {
		var p media.Picture
		if err := in.Pictures.Read(ctx, &p); err != nil {
			return seen, err
		}
		seen.Pictures++
		if age := time.Since(p.CapturedAt); age < -20*time.Millisecond || age > time.Second || !p.CapturedAt.After(last) {
			return seen, fmt.Errorf("picture %d was captured %v ago, %v after the one before", seen.Pictures, age, p.CapturedAt.Sub(last))
		}
		last = p.CapturedAt
		seen.Y, seen.U, seen.V = mean(p.Y), mean(p.U), mean(p.V)
	}
	return seen, nil
}

func mean(plane []byte) float64 {
	sum := 0
	for _, b := range plane {
		sum += int(b)
	}
	return float64(sum) / float64(max(len(plane), 1))
}
