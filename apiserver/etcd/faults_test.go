package etcd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/schema"
)

// A store writes in a process of its own in the tests in which that process ends.
const (
	childDir   = "CAPA_TEST_ETCD_DIR"
	childLimit = "CAPA_TEST_ETCD_FILE_LIMIT"
	childValue = "CAPA_TEST_ETCD_VALUE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child writes one key after the other, tells which were answered, and at last why there
// are no more.
func child(dir string) int {
	if limit, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
	}
	size, _ := strconv.Atoi(os.Getenv(childValue))
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println("ended", err)
		return 1
	}
	go func() {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}})
		if err != nil {
			panic(err)
		}
		for i := 0; ; i++ {
			key := fmt.Sprintf("/%06d", i)
			if _, err := client.Put(context.Background(), key, strings.Repeat("v", size)); err == nil {
				fmt.Println("answered", key)
			}
		}
	}()
	fmt.Println("ended", s.Ended(context.Background()))
	return 1
}

// writer runs a child.
type writer struct {
	cmd      *exec.Cmd
	lines    *bufio.Scanner
	answered []string
}

func startWriter(t *testing.T, dir string, env ...string) *writer {
	t.Helper()
	w := &writer{cmd: exec.Command(os.Args[0])}
	w.cmd.Env = append(os.Environ(), append(env, childDir+"="+dir)...)
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.lines = bufio.NewScanner(out)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill(); _ = w.cmd.Wait() })
	return w
}

// until reads what the child says until it ended, with the reason, or answered so many.
func (w *writer) until(count int) string {
	for w.lines.Scan() {
		what, rest, _ := strings.Cut(w.lines.Text(), " ")
		switch what {
		case "ended":
			return rest
		case "answered":
			if w.answered = append(w.answered, rest); len(w.answered) == count {
				return ""
			}
		}
	}
	return ""
}

// kill ends the child, and takes what it had said until then.
func (w *writer) kill() {
	_ = w.cmd.Process.Kill()
	w.until(-1)
	_ = w.cmd.Wait()
}

// hasAll fails the test when a key is missing that was answered.
func hasAll(t *testing.T, s *Server, keys []string) {
	t.Helper()
	client := connect(t, s)
	for _, key := range keys {
		got, err := client.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Kvs) != 1 {
			t.Errorf("%s was answered and is lost", key)
		}
	}
	if _, err := client.Put(t.Context(), "/after", "x"); err != nil {
		t.Errorf("nothing can be written: %v", err)
	}
	if got, err := client.Get(t.Context(), "/after"); err != nil || len(got.Kvs) != 1 {
		t.Errorf("what is written now is forgotten: %v %v", got, err)
	}
}

// filled is a folder with keys, after an orderly end.
func filled(t *testing.T) (dir string, keys []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	s := start(t, t.Context(), dir)
	defer s.Stop()
	client := connect(t, s)
	for i := range 300 {
		key := fmt.Sprintf("/%06d", i)
		if _, err := client.Put(t.Context(), key, strings.Repeat("v", 2000)); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return dir, keys
}

// refusedWith says that a store doesn't start, soon, in one line that names the folder
// and what to do.
func refusedWith(t *testing.T, dir, want string) {
	t.Helper()
	began := time.Now()
	s, err := Start(t.Context(), Options{Dir: dir})
	if err == nil {
		s.Stop()
		t.Fatal("started")
	}
	saysOneLine(t, err.Error(), dir, want)
	if took := time.Since(began); took > startTimeout {
		t.Errorf("it took %s", took)
	}
}

func saysOneLine(t *testing.T, line, dir, want string) {
	t.Helper()
	t.Log(line)
	if !strings.Contains(line, dir) || !strings.Contains(line, want) || strings.Contains(line, "\n") {
		t.Errorf("says %q; want one line with %s and %q", line, dir, want)
	}
}

func walFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files[len(files)-1]
}

func TestMissingLogIsRefused(t *testing.T) {
	dir, _ := filled(t)
	if err := os.Remove(walFile(t, dir)); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, dir, "put the folder back from a backup")
}

// A first start that is interrupted leaves a database and no log.
func TestInterruptedFirstStartGoesOn(t *testing.T) {
	for name, db := range map[string][]byte{"nothing written": nil, "an empty database": emptyDatabase(t)} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			snap := filepath.Join(dir, "member", "snap")
			if err := errors.Join(os.MkdirAll(snap, 0o700), os.WriteFile(filepath.Join(snap, "db"), db, 0o600)); err != nil {
				t.Fatal(err)
			}
			s := start(t, t.Context(), dir)
			defer s.Stop()
			hasAll(t, s, nil)
		})
	}
}

// emptyDatabase is what etcd makes before its log.
func emptyDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(schema.Meta.Name()); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A process that is killed while it writes leaves a record that isn't whole.
func TestTornLogHeals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	w := startWriter(t, dir, childValue+"=1000")
	w.until(200)
	w.kill()
	path := walFile(t, dir)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for binary.LittleEndian.Uint64(content[end:]) != 0 {
		field := binary.LittleEndian.Uint64(content[end:])
		size := int(field &^ (0xff << 56))
		if padded := field >> 63; padded == 1 {
			size += int(field>>56) & 0x7
		}
		end += 8 + size
	}
	torn := binary.LittleEndian.AppendUint64(nil, 1000)
	copy(content[end:], append(torn, "half of a record"...))
	if err := os.WriteFile(path, content[:end+512-end%512], 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.Context(), dir)
	defer s.Stop()
	if len(w.answered) < 200 {
		t.Fatalf("only %d keys were answered", len(w.answered))
	}
	hasAll(t, s, w.answered)
}

// With such a log, etcd answers writes and forgets them.
func TestLogOlderThanTheDatabaseIsRefused(t *testing.T) {
	dir, _ := filled(t)
	old, err := os.ReadFile(walFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, t.Context(), dir)
	client := connect(t, s)
	for i := range 100 {
		if _, err := client.Put(t.Context(), fmt.Sprintf("/later/%d", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	if err := os.WriteFile(walFile(t, dir), old, 0o600); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, dir, "put the folder back from a backup")
}

func TestDamagedDatabaseIsRefusedOrWhole(t *testing.T) {
	const page = 4096
	zeros := make([]byte, page)
	damages := map[string]func(file *os.File, size int64) error{
		"cut in half": func(file *os.File, size int64) error { return file.Truncate(size / 2 / page * page) },
		"empty":       func(file *os.File, _ int64) error { return file.Truncate(0) },
		"cut to less than a page": func(file *os.File, _ int64) error {
			return file.Truncate(100)
		},
		"without its first pages": func(file *os.File, _ int64) error {
			_, err := file.WriteAt(append(zeros, zeros...), 0)
			return err
		},
	}
	for _, at := range []int64{2, 3, 5, 20, 60, 100} {
		damages[fmt.Sprintf("page %d is empty", at)] = func(file *os.File, _ int64) error {
			_, err := file.WriteAt(zeros, at*page)
			return err
		}
		damages[fmt.Sprintf("page %d is noise", at)] = func(file *os.File, _ int64) error {
			_, err := file.WriteAt([]byte(strings.Repeat("noise123", page/8)), at*page)
			return err
		}
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir, keys := filled(t)
			file, err := os.OpenFile(filepath.Join(dir, "member", "snap", "db"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			info, err := file.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(damage(file, info.Size()), file.Close()); err != nil {
				t.Fatal(err)
			}
			s, err := Start(t.Context(), Options{Dir: dir})
			if err != nil {
				saysOneLine(t, err.Error(), dir, "put the folder back from a backup")
				return
			}
			defer s.Stop()
			hasAll(t, s, keys)
		})
	}
}

func TestFolderThatAnotherProcessUsesIsRefused(t *testing.T) {
	dir, _ := filled(t)
	s := start(t, t.Context(), dir)
	defer s.Stop()
	refusedWith(t, dir, "end that process first")
}

func TestStartEndsWhenToldTo(t *testing.T) {
	dir, _ := filled(t)
	s := start(t, t.Context(), dir)
	defer s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if _, err := Start(ctx, Options{Dir: dir}); err == nil {
		t.Error("two servers use one folder")
	}
	if took := time.Since(began); took > lockTimeout/2 {
		t.Errorf("it took %s to end", took)
	}
}

// Root may do everything, so it is somebody else who may not.
func TestWrongRightsAreRefused(t *testing.T) {
	base, err := os.MkdirTemp("", "capa-rights-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	program := filepath.Join(base, "test")
	const nobody = 65534
	if err := errors.Join(copyFile(os.Args[0], program), os.Chmod(base, 0o755)); err != nil { //nolint:gosec // nobody has to find the program
		t.Fatal(err)
	}
	cases := map[string]func(dir string) error{
		"somebody else's": func(dir string) error { return os.Chown(dir, 0, 0) },
		"read-only":       func(dir string) error { return os.Chmod(dir, 0o500) }, //nolint:gosec // a folder
		"log is read-only": func(dir string) error {
			return os.Chmod(filepath.Join(dir, "member", "wal"), 0o500) //nolint:gosec // a folder
		},
		"files are unreadable": func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
			for _, file := range files {
				err = errors.Join(err, os.Chmod(file, 0))
			}
			return err
		},
		"database is unreadable": func(dir string) error { return os.Chmod(filepath.Join(dir, "member", "snap", "db"), 0) },
		"database is read-only":  func(dir string) error { return os.Chmod(filepath.Join(dir, "member", "snap", "db"), 0o400) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			source, _ := filled(t)
			dir := filepath.Join(base, strings.ReplaceAll(name, " ", "-"))
			if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program)
			if os.Getuid() == 0 {
				err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
					return errors.Join(err, os.Chown(path, nobody, nobody))
				})
				if err != nil {
					t.Fatal(err)
				}
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			} else if name == "somebody else's" {
				t.Skip("only root can give folders away")
			}
			if err := errors.Join(os.Chmod(dir, 0o700), spoil(dir)); name != "read-only" && err != nil { //nolint:gosec // a folder
				t.Fatal(err)
			}
			cmd.Env = append(os.Environ(), childDir+"="+dir, "TMPDIR=/tmp", childValue+"=10")
			ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
			defer cancel()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			go func() { <-ctx.Done(); _ = cmd.Process.Kill() }()
			w := &writer{cmd: cmd, lines: bufio.NewScanner(out)}
			saysOneLine(t, w.until(1), dir, "give user")
		})
	}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// mounted is a volume of its own; without the right to mount there is none.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no volume can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestReadOnlyVolumeIsRefused(t *testing.T) {
	dir := mounted(t, "size=200m")
	s := start(t, t.Context(), dir)
	s.Stop()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, dir, "mount the volume writable")
}

func TestFullVolumeEndsEtcdAndLosesNothing(t *testing.T) {
	// The log takes twice 64 MiB before anything is written.
	dir := mounted(t, "size=150m")
	w := startWriter(t, dir, childValue+"=100000")
	reason := w.until(-1)
	saysOneLine(t, reason, dir, "free some space")
	_ = w.cmd.Wait()
	// Still full.
	again := startWriter(t, dir, childValue+"=100000")
	saysOneLine(t, again.until(-1), dir, "free some space")
	_ = again.cmd.Wait()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=600m"); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.Context(), dir)
	defer s.Stop()
	if len(w.answered) == 0 {
		t.Error("nothing was answered before the volume was full")
	}
	hasAll(t, s, w.answered)
}

func TestFileThatMayNotGrowEndsEtcdAndLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	w := startWriter(t, dir, childValue+"=1000000", childLimit+"="+strconv.Itoa(64<<20))
	saysOneLine(t, w.until(-1), dir, "ulimit -f")
	_ = w.cmd.Wait()
	s := start(t, t.Context(), dir)
	defer s.Stop()
	if len(w.answered) == 0 {
		t.Error("nothing was answered before the file was full")
	}
	hasAll(t, s, w.answered)
}

func TestFullStoreReadsAndDeletesAndTakesWritesAgain(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "data"), Quota: 16 << 20}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, s)
	value := strings.Repeat("v", 1<<20)
	put := func(i int) error {
		_, err := client.Put(t.Context(), fmt.Sprintf("/%03d", i), value)
		return err
	}
	count := 0
	// fill writes until nothing more fits, even after room was made of what etcd had set aside.
	fill := func() {
		t.Helper()
		for fitted := -1; fitted < count; s.makeRoom(t.Context()) {
			fitted = count
			for err = put(count); err == nil && count < 100; err = put(count) {
				count++
			}
		}
		if err == nil || !strings.Contains(err.Error(), "space exceeded") {
			t.Fatalf("after %d writes: %v", count, err)
		}
	}
	fill()
	if got, err := client.Get(t.Context(), "/000"); err != nil || len(got.Kvs) != 1 {
		t.Errorf("a full store reads %v, %v", got, err)
	}
	if err := put(count); err == nil {
		t.Error("a store that is still full takes writes")
	}
	s.Stop()

	// A larger quota is enough, and so is deleting.
	o.Quota = 24 << 20
	if s, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	client = connect(t, s)
	if fill(); count < 18 {
		t.Fatalf("with a larger quota %d writes: %v", count, err)
	}
	for i := range count - 3 {
		if _, err := client.Delete(t.Context(), fmt.Sprintf("/%03d", i)); err != nil {
			t.Fatalf("a full store doesn't delete: %v", err)
		}
	}
	// etcd may set the alarm a moment after the write that was refused.
	for range 50 {
		s.makeRoom(t.Context())
		if err = put(0); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("after deletions: %v", err)
	}
	if got, err := client.Get(t.Context(), fmt.Sprintf("/%03d", count-1)); err != nil || len(got.Kvs) != 1 {
		t.Errorf("what wasn't deleted is %v, %v", got, err)
	}
}

func TestStoresAreToldApart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, t.Context(), dir)
	first := s.ID()
	s.Stop()
	s = start(t, t.Context(), dir)
	again := s.ID()
	s.Stop()
	other := start(t, t.Context(), filepath.Join(t.TempDir(), "data"))
	defer other.Stop()
	if first != again || first == other.ID() {
		t.Errorf("a store is %s, after a restart %s, another one %s", first, again, other.ID())
	}
}
