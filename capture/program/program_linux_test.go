package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/source"
	"porthole/internal/codec"
)

// open starts a command, which is ended with the test.
func open(t *testing.T, command string) *units {
	t.Helper()
	in, err := NewDevice(capturetest.Spec(t, "exec:"+command)).Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in.Encoded.(*units)
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// fails reads until an error, which must be a ProgramError that says all of this.
func fails(t *testing.T, u *units, mentions ...string) error {
	t.Helper()
	for {
		_, err := u.Read(deadline(t))
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*source.ProgramError](err); !ok {
			t.Fatalf("Read: %v, want a ProgramError", err)
		}
		for _, text := range mentions {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not mention %q", err, text)
			}
		}
		return err
	}
}

const ffmpeg = "ffmpeg -loglevel error -re -f lavfi -i testsrc=size=320x180:rate=30 "

func TestPicturesOfFFmpeg(t *testing.T) {
	u := open(t, ffmpeg+"-c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 -g 30 -f h264 -")
	var last time.Time
	for i := range 40 {
		unit, err := u.Read(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		pictures, keyframe := 0, false
		for _, nal := range codec.SplitAnnexB(nil, unit.Data) {
			kind := codec.H264NALs.Type(nal)
			if (kind == codec.NALSlice || kind == codec.NALIDR) && nal[1]&0x80 != 0 {
				pictures++
			}
			keyframe = keyframe || kind == codec.NALIDR
		}
		if pictures != 1 || keyframe != (i%30 == 0) {
			t.Errorf("unit %d has %d pictures, keyframe %v", i, pictures, keyframe)
		}
		if unit.CapturedAt.Before(last) {
			t.Errorf("unit %d goes back in time", i)
		}
		last = unit.CapturedAt
	}
	if c := u.Codec(); !strings.Contains(c.Fmtp, "profile-level-id=42") || u.device.Standby() != c {
		t.Errorf("codec %+v, standby %+v", c, u.device.Standby())
	}
}

func TestContainersOfFFmpegAreRefused(t *testing.T) {
	for format, name := range map[string]string{"mpegts": "MPEG-TS", "matroska": "Matroska"} {
		fails(t, open(t, ffmpeg+"-c:v libx264 -f "+format+" -"), name, "-f h264")
	}
}

func TestProgramThatEndsSaysWhy(t *testing.T) {
	err := fails(t, open(t, `sh -c 'echo rtsp://me:pa@ss@cam/1?token=abc: not found >&2; exit 3'`), "exit status 3", "rtsp://***@cam/1?token=***")
	if strings.Contains(err.Error(), "ss@") || strings.Contains(err.Error(), "abc") {
		t.Errorf("%q has a secret", err)
	}
}

func TestProgramThatIsKilled(t *testing.T) {
	u := open(t, "sleep 1000")
	if err := syscall.Kill(u.process.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	fails(t, u, "killed")
}

func TestSilentProgramIsStalled(t *testing.T) {
	u := open(t, "sleep 1000")
	u.silence = 10 * time.Millisecond
	if err := fails(t, u, "wrote nothing"); !errors.Is(err, source.ErrStalled) {
		t.Errorf("%v is not ErrStalled", err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	u := open(t, "sleep 1000")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := u.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
}

// A program that does not listen, and its child, end with the source.
func TestCloseEndsTheGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	u := open(t, `sh -c 'trap "" TERM; sleep 1000 & echo $! > `+file+`.new; mv `+file+`.new `+file+`; while :; do wait; sleep 1; done'`)
	var text []byte
	for ctx := deadline(t); len(text) == 0; text, _ = os.ReadFile(file) {
		if ctx.Err() != nil {
			t.Fatal("the program has not begun")
		}
		time.Sleep(time.Millisecond)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	u.process.stop()
	for ctx := deadline(t); alive(child); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("its child lives on")
		}
	}
	if alive(u.process.pid) {
		t.Error("the program lives on")
	}
}

// alive says whether a process runs; one that nobody has waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestMissingProgramIsNamed(t *testing.T) {
	if err := Check(capturetest.Spec(t, "exec:porthole-no-such-program")); err == nil || !strings.Contains(err.Error(), "porthole-no-such-program") {
		t.Errorf("Check: %v", err)
	}
}
