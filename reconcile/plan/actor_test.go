package plan

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// diary notes what happens in its order.
type diary struct {
	mu    sync.Mutex
	lines []string
	fail  error
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) Begin(_ context.Context, actions []Action) error {
	for _, a := range actions {
		d.note("begin " + a.Key)
	}
	return d.fail
}

func (d *diary) End(_ context.Context, keys []string) {
	for _, k := range keys {
		d.note("end " + k)
	}
}

// actor makes an actor whose CreateVpc and DeleteVpc answer with the error.
func (d *diary) actor(answer error) *Actor {
	return &Actor{Mirror: mirror.New(mirror.Options{}), Handlers: NewHandlers([]Handler{
		Call("CreateVPC", func(*ec2.Client, context.Context, *ec2.CreateVpcInput, ...func(*ec2.Options)) (*ec2.CreateVpcOutput, error) {
			d.note("call")
			return nil, answer
		}, func(*Writer, *ec2.CreateVpcInput, *ec2.CreateVpcOutput) { d.note("write") }, mirror.VPCs.Kind),
		Call("DeleteVPC", func(*ec2.Client, context.Context, *ec2.DeleteVpcInput, ...func(*ec2.Options)) (*ec2.DeleteVpcOutput, error) {
			d.note("call")
			return nil, answer
		}, func(*Writer, *ec2.DeleteVpcInput, *ec2.DeleteVpcOutput) { d.note("write") }),
	})}
}

// code is AWS's refusal with an error code.
func code(c string) error {
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusBadRequest}},
		Err: &smithy.GenericAPIError{Code: c, Message: "no"}}
}

func TestOutcomesOfCalls(t *testing.T) {
	create := Action{Key: "vpc", Verb: Create, Journal: true, Input: &ec2.CreateVpcInput{}}
	remove := Action{Key: "vpc", Verb: Delete, Input: &ec2.DeleteVpcInput{}}
	for _, c := range []struct {
		name   string
		action Action
		answer error
		want   Outcome
		lines  []string
	}{
		{"success is written, and its entry stays", create, nil, Done, []string{"begin vpc", "call", "write"}},
		{"a refusal ends the entry", create, code("VpcLimitExceeded"), Failed, []string{"begin vpc", "call", "end vpc"}},
		{"silence leaves the entry", create, context.DeadlineExceeded, Failed, []string{"begin vpc", "call"}},
		{"what exists is no failure", create, code("InvalidVpc.Duplicate"), Existed, []string{"begin vpc", "call"}},
		{"what is gone is deleted", remove, code("InvalidVpcID.NotFound"), Existed, []string{"call", "write"}},
		{"what is in use isn't", remove, code("DependencyViolation"), Failed, []string{"call"}},
		{"what AWS is busy for waits", create, code("ConcurrentModification"), Busy, []string{"begin vpc", "call", "end vpc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &diary{}
			results, err := d.actor(c.answer).Act(context.Background(), &cloud.Session{}, d, []Action{c.action})
			if err != nil || len(results) != 1 || results[0].Outcome != c.want {
				t.Errorf("%+v, %v; want %s", results, err, c.want)
			}
			if !slices.Equal(d.lines, c.lines) {
				t.Errorf("happened %q, want %q", d.lines, c.lines)
			}
		})
	}
}

func TestNothingIsCalledWhenTheJournalCannotBeWritten(t *testing.T) {
	d := &diary{fail: errors.New("etcd is away")}
	_, err := d.actor(nil).Act(context.Background(), &cloud.Session{}, d, []Action{{Key: "vpc", Verb: Create, Journal: true, Input: &ec2.CreateVpcInput{}}})
	if !errors.Is(err, d.fail) || slices.Contains(d.lines, "call") {
		t.Errorf("%v; happened %q", err, d.lines)
	}
}

func TestActionWithoutAHandlerFailsAndNamesItself(t *testing.T) {
	d := &diary{}
	results, err := d.actor(nil).Act(context.Background(), &cloud.Session{}, d, []Action{{Key: "x", Operation: "ec2.RunInstances", Input: &ec2.RunInstancesInput{}}})
	if err != nil || results[0].Outcome != Failed || results[0].Err.Message != "no handler carries out ec2.RunInstances (*ec2.RunInstancesInput)" {
		t.Errorf("%+v, %v", results, err)
	}
}
