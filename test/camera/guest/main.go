//go:build linux

// Command guest is the first process of the virtual machine that test/camera boots, and the only one besides Porthole. It
// makes a usable system of the bare kernel, starts Porthole on the kernel's virtual camera, watches the stream as any
// WHEP viewer would, unplugs the camera and plugs it in again, and switches the machine off.
//
// What happens goes to the first serial port (the console), the received video to the second, and a
// report.Report to the third.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"porthole/test/camera/report"
)

const (
	porthole  = "/porthole"
	mode      = "?size=640x480&fps=30&bitrate=1500k&mic=off"
	byNumber  = "webcam=camera:/dev/video0" + mode + "&ondemand=off"
	byName    = "webcam=camera:by-id/usb-vivid_0001-video-index0" + mode + "&ondemand=1s"
	watchURL  = site + "/whep/webcam"
	videoPort = "/dev/ttyS1"
	toldPort  = "/dev/ttyS2"

	watchPictures = 120              // that are recorded
	watchLimit    = 90 * time.Second // for each stage; an emulated processor is slow
	lifetime      = 4 * time.Minute
)

func main() {
	var told report.Report
	told.Seconds = make(map[string]int)
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	defer cancel()
	if err := run(ctx, &told); err != nil {
		told.Failure = err.Error()
		fmt.Println("guest: failed:", err)
	}
	if err := tell(&told); err != nil {
		fmt.Println("guest: report:", err)
	}
	// Not before the serial ports are empty: a write to a terminal returns earlier.
	if err := drain(videoPort, toldPort); err != nil {
		fmt.Println("guest: drain:", err)
	}
	fmt.Println("guest: done")
	syscall.Sync()
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Println("guest: power off:", err) // the kernel panics when its first process ends, which ends the machine too
}

func run(ctx context.Context, told *report.Report) error {
	if err := prepare(); err != nil {
		return err
	}
	reached(told, "system ready")
	if err := loadModules(); err != nil {
		return err
	}
	if err := plug(0); err != nil {
		return err
	}
	reached(told, "camera plugged in")

	devices, err := exec.CommandContext(ctx, porthole, "devices", "--json").Output()
	if err != nil {
		return fmt.Errorf("porthole devices: %w", withStderr(err))
	}
	told.Devices = devices

	if err := formats(ctx, told); err != nil {
		return err
	}
	reached(told, "looked at in every format")

	err = serve(ctx, byNumber, func(int) error { return watchCamera(ctx, told) })
	if err != nil {
		return err
	}
	reached(told, "stopped")
	return serve(ctx, byName, func(pid int) error { return onDemand(ctx, pid, cameraNode(otherNumber), told) })
}

// serve runs Porthole while use uses it.
func serve(ctx context.Context, source string, use func(pid int) error) error {
	server := exec.CommandContext(ctx, porthole, "--source", source, "--http", "127.0.0.1:8080", "--media", "127.0.0.1:8081")
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	if err := server.Start(); err != nil {
		return fmt.Errorf("start porthole: %w", err)
	}
	if err := use(server.Process.Pid); err != nil {
		return err
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop porthole: %w", err)
	}
	if err := server.Wait(); err != nil {
		return fmt.Errorf("porthole, when told to stop: %w", err)
	}
	return nil
}

// otherNumber is the camera's after it was plugged in again.
const otherNumber = 5

// watchCamera is everything that happens while Porthole runs.
func watchCamera(ctx context.Context, told *report.Report) error {
	v, err := watch(ctx, watchURL, watchLimit)
	if err != nil {
		return err
	}
	defer v.close()
	reached(told, "watching")
	if told.Watched, err = v.await(watchPictures); err != nil {
		return fmt.Errorf("working camera: %w", err)
	}
	reached(told, "watched")
	if err := writeRaw(videoPort, v.recording()); err != nil {
		return err
	}

	if err := turnKnobs(ctx, told); err != nil {
		return fmt.Errorf("controls: %w", err)
	}
	reached(told, "controls set")

	// A second Porthole must say who uses the camera, and end.
	second := exec.CommandContext(ctx, porthole, "--source", byNumber, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0")
	words, err := second.CombinedOutput()
	if err == nil {
		return fmt.Errorf("a second porthole on the same camera did not fail: %s", words)
	}
	told.Busy = strings.TrimSpace(string(words))

	if err := breakCamera(ctx, cameraNode(0), v, told); err != nil {
		return err
	}

	if err := unplug(0); err != nil {
		return err
	}
	if err := awaitState(ctx, "waiting", "camera unplugged"); err != nil {
		return err
	}
	reached(told, "unplugged")
	v.restart()
	if err := plug(otherNumber); err != nil {
		return err
	}
	reached(told, "plugged in again")
	if told.Replug, err = v.await(watchPictures / 4); err != nil {
		return fmt.Errorf("replugged camera: %w", err)
	}
	if err := knobsAgain(told); err != nil {
		return fmt.Errorf("controls, plugged in again: %w", err)
	}
	reached(told, "watched again")
	return nil
}

// reached notes when something was reached, in the report and on the console.
func reached(told *report.Report, what string) {
	var now syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, pointer(&now), 0)
	told.Seconds[what] = int(now.Sec)
	fmt.Printf("guest: %s after %d s\n", what, now.Sec)
}

func tell(told *report.Report) error {
	data, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return writeRaw(toldPort, data)
}

// withStderr adds what a program said when it failed.
func withStderr(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}
