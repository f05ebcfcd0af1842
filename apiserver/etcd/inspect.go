package etcd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.etcd.io/etcd/server/v3/storage/schema"
)

const (
	// lockTimeout is how long a process that is about to end may still hold the store.
	lockTimeout = 10 * time.Second
	// walkTimeout bounds reading all of a large database. What it didn't come to isn't
	// known to be bad.
	walkTimeout = 20 * time.Second
)

var (
	errInUse   = errors.New("another process uses the store")
	errLostLog = errors.New("the write-ahead log in member/wal is missing, and with it the last writes")
	errOldLog  = errors.New("the write-ahead log in member/wal lacks entries that the database already has")
	errDamaged = errors.New("the database member/snap/db is damaged")
)

// inspect finds what etcd would answer with a panic, an exit or silence.
func inspect(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, dataDirMode); err != nil {
		return err
	}
	db := filepath.Join(dir, "member", "snap", "db")
	for _, folder := range []string{dir, filepath.Join(dir, "member"), filepath.Dir(db), filepath.Join(dir, "member", "wal")} {
		if err := writable(folder); err != nil {
			return err
		}
	}
	info, err := os.Stat(db)
	logs, _ := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal")) // the pattern is well-formed
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // etcd makes it
	case err != nil:
		return err
	case info.Size() == 0 && len(logs) == 0:
		return nil // the first start was interrupted
	}
	applied, err := walk(ctx, db)
	if err == nil && applied && len(logs) == 0 {
		return errLostLog
	}
	return err
}

// writable tries what can't be told from rights: who is root has all of them, but not on
// a volume that is mounted read-only.
func writable(folder string) error {
	file, err := os.CreateTemp(folder, ".writable-")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // etcd makes it
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// walk reads every page that holds something, and tells whether anything was ever applied
// from a log: a first start that was interrupted has made the database and no log.
func walk(ctx context.Context, path string) (applied bool, err error) {
	// A file that was cut is mapped beyond its end.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: lockTimeout})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return false, errInUse
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return false, err
	case err != nil:
		return false, fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	defer cancel()
	err = db.View(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(path); err == nil && info.Size() < tx.Size() {
			return fmt.Errorf("%w: it has %d bytes and should have %d", errDamaged, info.Size(), tx.Size())
		}
		if meta := tx.Bucket(schema.Meta.Name()); meta != nil {
			applied = meta.Get(schema.MetaConsistentIndexKeyName) != nil
		}
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(_, _ []byte) error { return ctx.Err() })
		})
	})
	if ctx.Err() != nil {
		return applied, nil // enough was read
	}
	return applied, err
}

// explain says what to do about a store that can't be used.
func explain(dir string, err error) error {
	return fmt.Errorf("the store in --data-dir=%s can't be used: %w; %s", dir, err, cure(err))
}

func cure(err error) string {
	switch {
	case errors.Is(err, errInUse):
		return "end that process first, or give this one a folder of its own"
	case caused(err, syscall.ENOSPC), caused(err, syscall.EDQUOT):
		return "free some space there or enlarge the volume, and start again: nothing that was answered is lost"
	case caused(err, syscall.EFBIG):
		return "let the process write larger files (ulimit -f), and start again: nothing that was answered is lost"
	case caused(err, syscall.EROFS):
		return "mount the volume writable, and start again"
	case errors.Is(err, fs.ErrPermission), caused(err, syscall.EACCES), caused(err, syscall.EPERM):
		return fmt.Sprintf("give user %d all rights there (chown -R %d; chattr -i where files are immutable), and start again", os.Getuid(), os.Getuid())
	case errors.Is(err, context.DeadlineExceeded):
		return "look at its volume: reading and writing there may hang"
	case caused(err, syscall.ENOTDIR), caused(err, syscall.EIO):
		return "give the process a folder on a volume that works"
	}
	return "put the folder back from a backup, and start again (docs/operations.md, \"The store\")"
}

// caused tells whether an error of the system is behind another one, also where etcd's
// database put its text into a new one.
func caused(err error, by syscall.Errno) bool {
	return errors.Is(err, by) || strings.HasSuffix(err.Error(), ": "+by.Error())
}
