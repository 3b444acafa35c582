//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"porthole/test/camera/report"
)

// cameraOff is what the API says of a camera that is off on purpose.
const cameraOff = "camera off while nobody watches"

// onDemand watches a camera that is off while nobody does, twice, and once while another program has it.
func onDemand(ctx context.Context, pid int, node string, told *report.Report) error {
	for range 2 {
		if err := awaitState(ctx, "standby", cameraOff); err != nil {
			return err
		}
		if err := awaitHeld(pid, false); err != nil {
			return err
		}
		began := time.Now()
		v, err := watch(ctx, watchURL, watchLimit)
		if err != nil {
			return err
		}
		seen, err := v.await(1)
		told.OnDemand = append(told.OnDemand, report.OnDemand{Milliseconds: int(time.Since(began).Milliseconds()), Watched: seen})
		if err == nil {
			err = awaitHeld(pid, true)
		}
		v.close()
		if err != nil {
			return fmt.Errorf("camera on demand: %w", err)
		}
		reached(told, "watched on demand")
	}
	if err := awaitState(ctx, "standby", cameraOff); err != nil {
		return err
	}
	return inUse(ctx, node, told)
}

// inUse takes the camera away while it is off, joins, and gives it back.
func inUse(ctx context.Context, node string, told *report.Report) error {
	device, err := openCamera(node)
	if err != nil {
		return err
	}
	release := sync.OnceValue(func() error { return syscall.Close(device) })
	defer func() { _ = release() }()
	request := struct{ count, kind, memory, _, _ uint32 }{count: 2, kind: 1, memory: 1}
	if err := ioctl(uintptr(device), vidiocReqbufs, pointer(&request), "take the camera"); err != nil {
		return err
	}
	v, err := watch(ctx, watchURL, watchLimit)
	if err != nil {
		return err
	}
	defer v.close()
	if err := awaitState(ctx, "waiting", "camera in use by init (pid 1)"); err != nil {
		return err
	}
	if err := release(); err != nil {
		return err
	}
	if told.Freed, err = v.await(1); err != nil {
		return fmt.Errorf("camera that was in use: %w", err)
	}
	reached(told, "in use and free again")
	return nil
}

// awaitHeld waits until a process has a camera open, or has none.
func awaitHeld(pid int, want bool) error {
	return poll(func() error {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			return err
		}
		held := false
		for _, file := range files {
			target, err := os.Readlink(file)
			held = held || err == nil && strings.HasPrefix(target, "/dev/video")
		}
		if held != want {
			return fmt.Errorf("porthole has a camera open: %v, waited for %v", held, want)
		}
		return nil
	})
}
