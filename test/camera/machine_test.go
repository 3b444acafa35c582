//go:build camera

package camera

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"porthole/test/camera/report"
)

// bootLimit is for the whole life of the machine, on a processor that is emulated and shared.
const bootLimit = 5 * time.Minute

// machine is where a virtual machine leaves what it says.
type machine struct{ console, video, told string }

// boot builds the guest's file system, runs the machine until it switches itself off, and returns what it left.
func boot(t *testing.T) (machine, report.Report) {
	t.Helper()
	root := os.Getenv("CAMERA_KERNEL")
	if root == "" {
		t.Fatal("CAMERA_KERNEL is not set: run make test-camera, or test/camera/run.sh")
	}
	kernel, err := kernelImage(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := filepath.Join(dir, "initrd")
	if err := pack(t.Context(), root, dir, files); err != nil {
		t.Fatal(err)
	}
	m := machine{filepath.Join(dir, "console"), filepath.Join(dir, "video.h264"), filepath.Join(dir, "report.json")}
	if err := m.run(t.Context(), kernel, files); err != nil {
		t.Fatalf("%v\n%s", err, m.consoleTail())
	}
	data, err := os.ReadFile(m.told)
	if err != nil {
		t.Fatal(err)
	}
	var told report.Report
	if err := json.Unmarshal(data, &told); err != nil {
		t.Fatalf("the guest's report %q: %v\n%s", data, err, m.consoleTail())
	}
	return m, told
}

// pack builds the programs and puts them and the kernel's modules into the guest's file system.
func pack(ctx context.Context, kernelRoot, dir, file string) error {
	files := newInitrd()
	for _, program := range []struct{ name, source, cgo string }{
		{"/porthole", "porthole/cmd/porthole", "1"},
		{"/init", "porthole/test/camera/guest", "0"},
	} {
		binary := filepath.Join(dir, filepath.Base(program.name))
		build := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", binary, program.source)
		build.Env = append(os.Environ(), "CGO_ENABLED="+program.cgo)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", program.source, err, out)
		}
		if err := files.addProgram(program.name, binary); err != nil {
			return err
		}
	}
	modules, err := modulesFor(kernelRoot, "vivid")
	if err != nil {
		return err
	}
	var order []string
	for _, m := range modules {
		files.add("/modules/"+m.name+".ko", m.image)
		order = append(order, m.name)
	}
	files.add("/modules/order", []byte(strings.Join(order, "\n")))
	return files.writeTo(file)
}

func (m machine) run(ctx context.Context, kernel, files string) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-accel", "tcg,thread=multi", // emulated, which works everywhere: KVM is often there but not usable, as in containers
		"-cpu", "max", "-smp", "2", "-m", "512",
		"-display", "none", "-nodefaults", "-no-reboot", "-nic", "none",
		"-kernel", kernel, "-initrd", files,
		"-append", "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable",
		"-serial", "file:"+m.console, "-serial", "file:"+m.video, "-serial", "file:"+m.told)
	if out, err := qemu.CombinedOutput(); err != nil {
		return fmt.Errorf("qemu: %w\n%s", err, out)
	}
	return nil
}

// consoleTail is the end of what the machine and its programs printed.
func (m machine) consoleTail() string {
	const enough = 6000
	data, err := os.ReadFile(m.console)
	if err != nil {
		return err.Error()
	}
	return "console:\n" + string(data[max(0, len(data)-enough):])
}
