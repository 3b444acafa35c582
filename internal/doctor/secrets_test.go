package doctor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFilesWithSecrets(t *testing.T) {
	write := func(mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		return path
	}
	open := write(0o644)
	c := Config{SecretFiles: []SecretFile{
		{Flag: "--publish-token-file", Path: write(0o640)},
		{Flag: "--view-token-file", Path: open},
		{Flag: "--key", Path: "/no/such/file"},
	}}
	findings := c.secrets(t.Context())
	want := []struct {
		verdict Verdict
		cure    string
	}{{OK, ""}, {Warn, "chmod o-r " + open}, {Fail, "give the server's user a file that it can read"}}
	if len(findings) != len(want) {
		t.Fatalf("got %+v", findings)
	}
	for i, w := range want {
		if f := findings[i]; f.Verdict != w.verdict || f.Cure != w.cure || f.Name != c.SecretFiles[i].Flag {
			t.Errorf("got %+v, want %v with the cure %q", f, w.verdict, w.cure)
		}
	}
}
