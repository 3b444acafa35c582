package holders

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fakeProc has processes with files and sockets, and tables of sockets.
func fakeProc(t *testing.T) Proc {
	t.Helper()
	proc := t.TempDir()
	write := func(text string, path ...string) {
		t.Helper()
		file := filepath.Join(append([]string{proc}, path...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	process := func(pid, name string, files ...string) {
		t.Helper()
		write(name+"\n", pid, "comm")
		dir := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			if err := os.Symlink(file, filepath.Join(dir, string(rune('0'+i)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("10", "bash", "/dev/null", "/dev/pts/0")
	process("20", "ffmpeg", "/dev/null", "/dev/video0", "/dev/video0")
	process("30", "porthole", "/dev/video0", "socket:[111]")
	process("40", "cheese", "/dev/video1", "socket:[222]")
	process("net", "not a process", "/dev/video0")
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	write(head+
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n"+
		"   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n", "net", "tcp")
	write(head+
		"   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  0 0 222 2\n",
		"net", "udp6")
	return Proc(proc)
}

func TestHolders(t *testing.T) {
	proc := fakeProc(t)
	ffmpeg, porthole, cheese := Process{"ffmpeg", 20}, Process{"porthole", 30}, Process{"cheese", 40}
	for name, test := range map[string]struct{ got, want []Process }{
		"a file, each process once":  {proc.OfFile("/dev/video0"), []Process{ffmpeg, porthole}},
		"a file that nobody has":     {proc.OfFile("/dev/video2"), nil},
		"a listener, no connection":  {proc.OfPort("tcp", "8080"), []Process{porthole}},
		"UDP by IPv6":                {proc.OfPort("udp", "8080"), []Process{cheese}},
		"a port that nobody has":     {proc.OfPort("tcp", "8081"), nil},
		"what is no port":            {proc.OfPort("tcp", "http"), nil},
		"a file, without /proc":      {Proc(filepath.Join(string(proc), "none")).OfFile("/dev/video0"), nil},
		"a port, without /proc":      {Proc(filepath.Join(string(proc), "none")).OfPort("tcp", "8080"), nil},
		"a port without IPv4's list": {proc.OfPort("udp", "1"), nil},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", name, test.got, test.want)
		}
	}
	if got := ffmpeg.String(); got != "ffmpeg (pid 20)" {
		t.Errorf("for people: %q", got)
	}
}
