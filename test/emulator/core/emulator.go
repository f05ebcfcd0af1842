// Package core is the frame of the emulator: it takes AWS requests off HTTP, finds account, region, service and operation, applies
// rate limits, faults and eventual consistency, and keeps the state that services work on. Services stand in folders of their own.
package core

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Emulator is AWS in one process. All its methods may be called concurrently.
type Emulator struct {
	clock    Clock
	seed     uint64
	initial  Config
	services []*Service

	// mu guards all that follows, and the world behind it: operations run one at a time.
	mu       sync.Mutex
	config   Config
	world    *world
	faults   []*Fault
	faultSeq int
	seq      int
	log      []Entry
	counts   map[string]int
	held     map[int]*heldRequest
	dns      *dnsServer
}

type heldRequest struct {
	entry   Entry
	release chan struct{}
}

// Options are what is fixed when the emulator is made.
type Options struct {
	// Config is where Reset returns to; nil means DefaultConfig().
	Config *Config
	// Clock drives everything that takes time; nil means the wall clock.
	Clock Clock
	// Seed makes ids reproducible; 0 draws one.
	Seed uint64
}

// New makes an emulator of the given services.
func New(options Options, services ...*Service) *Emulator {
	e := &Emulator{clock: options.Clock, seed: options.Seed, initial: DefaultConfig(), services: services}
	if options.Config != nil {
		e.initial = options.Config.clone()
	}
	if e.clock == nil {
		e.clock = wallClock{}
	}
	if e.seed == 0 {
		e.seed = uint64(time.Now().UnixNano())
	}
	e.held = map[int]*heldRequest{}
	e.clear()
	return e
}

func (e *Emulator) clear() {
	e.config = e.initial.clone()
	e.world = newWorld(e)
	e.faults, e.log, e.counts = nil, nil, map[string]int{}
	for _, held := range e.held {
		close(held.release)
	}
	e.held = map[int]*heldRequest{}
}

// Reset forgets all resources, faults, log and counts, releases what is held, and returns to the initial configuration.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clear()
}

// Handler serves AWS and, under /_emulator/, the control endpoint.
func (e *Emulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/_emulator/", e.control())
	mux.Handle("/", http.HandlerFunc(e.serveAWS))
	return mux
}

// silence is how long a connection may carry nothing. Clients open connections in advance when many requests are under way, and keep them
// for 90 s (the SDK for Go); a server that closes one in the moment of its first use loses a request that nobody logs, and the client sees
// "use of closed network connection" or a reset.
const silence = time.Hour

// Start serves on a TCP address such as "127.0.0.1:0" and returns the endpoint's URL. stop closes the listener and all connections.
func (e *Emulator) Start(addr string) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: silence}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Serve always returns an error; after Close it is ErrServerClosed.
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-done
	}, nil
}

// Configure changes the configuration.
func (e *Emulator) Configure(change func(*Config)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.config)
	e.config = e.config.clone()
}

// Config is a copy of the configuration.
func (e *Emulator) Config() Config {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config.clone()
}

// Faults gives access to fault injection.
func (e *Emulator) Faults() Faults { return Faults{emulator: e} }

// Log is a copy of the request log.
func (e *Emulator) Log() []Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Entry(nil), e.log...)
}

// ClearLog empties the request log.
func (e *Emulator) ClearLog() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = nil
}

// Counts is the number of requests per "service.Operation" since the start or the last ResetCounts, refused ones included.
func (e *Emulator) Counts() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]int, len(e.counts))
	for key, n := range e.counts {
		out[key] = n
	}
	return out
}

// ResetCounts starts counting anew.
func (e *Emulator) ResetCounts() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts = map[string]int{}
}

// Resources lists what exists in an account and region ("" for all) beyond what AWS puts there by itself.
func (e *Emulator) Resources(account, region string) []Resource {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.DeleteFunc(e.inventory(account, region), func(r Resource) bool { return r.Implied })
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		return a.Account+a.Region+a.Type+a.ID < b.Account+b.Region+b.Type+b.ID
	})
	return out
}

// Act lets AWS do something by itself to a resource, for example "spot-interruption" to an instance; the README lists the actions. It
// says whether the resource is there.
func (e *Emulator) Act(action, account, region, id string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.world.settle()
	if account == "" {
		account = DefaultAccount
	}
	known := []string{}
	for _, service := range e.services {
		if do, ok := service.Actions[action]; ok {
			return do(e.world.region(account, region), id), nil
		}
		for name := range service.Actions {
			known = append(known, name)
		}
	}
	sort.Strings(known)
	return false, fmt.Errorf("there is no action %q; there are %s", action, strings.Join(known, ", "))
}

// Ask puts a question of a service's, for example "identify", about what an account ("" is the default one) has in a region.
func (e *Emulator) Ask(question, account, region string, about url.Values) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.world.settle()
	if account == "" {
		account = DefaultAccount
	}
	known := []string{}
	for _, service := range e.services {
		if answer, ok := service.Questions[question]; ok {
			return answer(e.world.region(account, region), about)
		}
		for name := range service.Questions {
			known = append(known, name)
		}
	}
	sort.Strings(known)
	return nil, fmt.Errorf("there is no question %q; there are %s", question, strings.Join(known, ", "))
}

// Held lists the requests that a fault is holding, oldest first.
func (e *Emulator) Held() []Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []Entry{}
	for _, held := range e.held {
		out = append(out, held.entry)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Seq < out[j].Seq })
	return out
}

// Release lets held requests go on, all of them if no numbers are given, and says how many there were.
func (e *Emulator) Release(seq ...int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(seq) == 0 {
		for number := range e.held {
			seq = append(seq, number)
		}
	}
	released := 0
	for _, number := range seq {
		if held, ok := e.held[number]; ok {
			close(held.release)
			delete(e.held, number)
			released++
		}
	}
	return released
}
