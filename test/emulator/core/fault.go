package core

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What a fault does to a request.
const (
	// ErrorBefore answers with an error; nothing happens in AWS. It is the default where Code is set.
	ErrorBefore = "error-before"
	// ErrorAfter carries the request out and answers with an error.
	ErrorAfter = "error-after"
	// Hold keeps the request waiting before it is carried out, until it is released or its client goes away (then it isn't carried out).
	Hold = "hold"
	// HoldAfter carries the request out and keeps its answer, until released.
	HoldAfter = "hold-after"
	// DropBefore closes the connection; nothing happens in AWS.
	DropBefore = "drop-before-effect"
	// DropAfter carries the request out and closes the connection without an answer.
	DropAfter = "drop-after-effect"
	// Delay only adds Latency. It is the default where Code is empty.
	Delay = "delay"
)

var faultModes = []string{ErrorBefore, ErrorAfter, Hold, HoldAfter, DropBefore, DropAfter, Delay}

// Fault makes matching requests go wrong. Empty matchers match everything; matchers take * and ?.
type Fault struct {
	// ID is given by the emulator if empty; a fault with a known ID replaces it.
	ID        string `json:"id,omitempty"`
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Account   string `json:"account,omitempty"`
	Region    string `json:"region,omitempty"`
	// Page matches only requests for that page of a list, counted from 1; 0 matches all.
	Page int `json:"page,omitempty"`
	// Parameters match request parameters by their wire names, for example {"RoleArn": "*admin"}.
	Parameters map[string]string `json:"parameters,omitempty"`

	// Skip lets that many matching requests pass first; Count is how many are then hit, 0 for all.
	Skip  int `json:"skip,omitempty"`
	Count int `json:"count,omitempty"`

	// Mode is one of the constants above.
	Mode string `json:"mode,omitempty"`
	// Code, Message and Status make the error; Code "" in an error mode is InternalError with status 500.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"`
	// Latency passes before anything else happens.
	Latency time.Duration `json:"latency,omitempty"`
}

type plainFault Fault

// MarshalJSON writes durations as strings.
func (f Fault) MarshalJSON() ([]byte, error) { return marshalFields(plainFault(f)) }

// UnmarshalJSON reads durations as strings and refuses unknown fields.
func (f *Fault) UnmarshalJSON(text []byte) error { return unmarshalFields(text, (*plainFault)(f)) }

func (f *Fault) complete() error {
	if f.Mode == "" && f.Code != "" {
		f.Mode = ErrorBefore
	}
	if f.Mode == "" {
		f.Mode = Delay
	}
	for _, mode := range faultModes {
		if f.Mode == mode {
			return nil
		}
	}
	return fmt.Errorf("fault mode %q is unknown; use one of %s", f.Mode, strings.Join(faultModes, ", "))
}

func (f *Fault) error() *Error {
	out := &Error{Code: f.Code, Message: f.Message, Status: f.Status}
	if out.Code == "" {
		out.Code = "InternalError"
		out.Status = http.StatusInternalServerError
	}
	if f.Status != 0 {
		out.Status = f.Status
	}
	if out.Message == "" {
		out.Message = "A fault injected into the emulator."
	}
	return out
}

func (f *Fault) matches(e *Entry) bool {
	if f.Page != 0 && f.Page != e.Page {
		return false
	}
	for name, pattern := range f.Parameters {
		value, given := e.Params[name]
		if !given || !Match(pattern, value) {
			return false
		}
	}
	return matchOrAll(f.Service, e.Service) && matchOrAll(f.Operation, e.Operation) &&
		matchOrAll(f.Account, e.Account) && matchOrAll(f.Region, e.Region)
}

func matchOrAll(pattern, value string) bool { return pattern == "" || Match(pattern, value) }

// Faults holds the faults that are set, in order; the first that matches a request acts on it.
type Faults struct{ emulator *Emulator }

// Set adds a fault, or replaces the one with its ID, and returns the ID. It panics on an unknown mode, which is a mistake in a test.
func (f Faults) Set(fault Fault) string {
	id, err := f.put(fault)
	if err != nil {
		panic(err)
	}
	return id
}

func (f Faults) put(fault Fault) (string, error) {
	if err := fault.complete(); err != nil {
		return "", err
	}
	e := f.emulator
	e.mu.Lock()
	defer e.mu.Unlock()
	if fault.ID == "" {
		e.faultSeq++
		fault.ID = fmt.Sprintf("fault-%d", e.faultSeq)
	}
	for i := range e.faults {
		if e.faults[i].ID == fault.ID {
			e.faults[i] = &fault
			return fault.ID, nil
		}
	}
	e.faults = append(e.faults, &fault)
	return fault.ID, nil
}

// List returns the faults that are left, with what is left of their counts.
func (f Faults) List() []Fault {
	f.emulator.mu.Lock()
	defer f.emulator.mu.Unlock()
	out := make([]Fault, len(f.emulator.faults))
	for i, fault := range f.emulator.faults {
		out[i] = *fault
	}
	return out
}

// Clear removes all faults. Requests that are being held stay held; see Emulator.Release.
func (f Faults) Clear() {
	f.emulator.mu.Lock()
	defer f.emulator.mu.Unlock()
	f.emulator.faults = nil
}

// Remove takes one fault away.
func (f Faults) Remove(id string) {
	f.emulator.mu.Lock()
	defer f.emulator.mu.Unlock()
	f.emulator.removeFault(id)
}

func (e *Emulator) removeFault(id string) {
	for i, fault := range e.faults {
		if fault.ID == id {
			e.faults = append(e.faults[:i:i], e.faults[i+1:]...)
			return
		}
	}
}

// fault finds the fault that acts on this request and uses up one of its count. The lock is held.
func (e *Emulator) fault(entry *Entry) *Fault {
	for _, fault := range e.faults {
		if !fault.matches(entry) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		hit := *fault
		if fault.Count > 0 {
			fault.Count--
			if fault.Count == 0 {
				e.removeFault(fault.ID)
			}
		}
		return &hit
	}
	return nil
}
