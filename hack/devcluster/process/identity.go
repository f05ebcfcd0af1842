// Package process starts programs that outlive the command that started them, finds them again later, and stops
// exactly those. It reads /proc and so runs on Linux.
package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Identity names one process for good: the kernel reuses a pid, but not together with the same start time and boot.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is field 22 of /proc/PID/stat: clock ticks after boot.
	StartTicks uint64 `json:"startTicks"`
	// BootID is the kernel's random id of the boot in which StartTicks counts.
	BootID string `json:"bootID"`
}

// Identify reads the identity of a running process.
func Identify(pid int) (Identity, error) {
	ticks, _, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTicks: ticks, BootID: boot}, nil
}

// Alive says whether this very process still runs. A zombie counts as gone, and so does another process with its pid.
func (id Identity) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	boot, err := bootID()
	if err != nil || boot != id.BootID {
		return false
	}
	ticks, state, err := readStat(id.PID)
	return err == nil && ticks == id.StartTicks && state != 'Z' && state != 'X'
}

// signal sends sig to this very process; it reports false if it is gone.
func (id Identity) signal(sig syscall.Signal) (bool, error) {
	// The handle is opened (a pidfd) before the identity is checked, so the pid cannot change hands in between.
	handle, err := os.FindProcess(id.PID)
	if err != nil {
		return false, fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = handle.Release() }()
	if !id.Alive() {
		return false, nil
	}
	switch err := handle.Signal(sig); {
	case errors.Is(err, os.ErrProcessDone):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("send %v to process %d: %w", sig, id.PID, err)
	}
	return true, nil
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

func readStat(pid int) (ticks uint64, state byte, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	return parseStat(string(raw))
}

// parseStat picks the start time and the state out of a /proc/PID/stat line, as proc(5) lays it out. The command name
// in parentheses may hold anything, parentheses and spaces too, so fields are counted from the last parenthesis.
func parseStat(line string) (ticks uint64, state byte, err error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("no command name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	// proc(5) counts from 1, and the state, field 3, is the first one here.
	const stateField, startField = 0, 22 - 3
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("too few fields in %q", line)
	}
	ticks, err = strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("start time in %q: %w", line, err)
	}
	return ticks, fields[stateField][0], nil
}
