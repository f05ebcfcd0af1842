package validation

import (
	"strings"
	"testing"

	apiequality "k8s.io/apimachinery/pkg/api/equality"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func machineWith(change func(*infrav1.AWSMachineSpec)) *infrav1.AWSMachine {
	machine := &infrav1.AWSMachine{Spec: infrav1.AWSMachineSpec{InstanceType: "m5.large"}}
	change(&machine.Spec)
	infrav1.SetObjectDefaults_AWSMachine(machine)
	return machine
}

func machineTemplateWith(change func(*infrav1.AWSMachineSpec)) *infrav1.AWSMachineTemplate {
	template := &infrav1.AWSMachineTemplate{}
	template.Spec.Template.Spec.InstanceType = "m5.large"
	change(&template.Spec.Template.Spec)
	infrav1.SetObjectDefaults_AWSMachineTemplate(template)
	return template
}

func TestAMachineThatWasWrongBeforeCanBeWritten(t *testing.T) {
	wrong := func(s *infrav1.AWSMachineSpec) {
		s.InstanceType = "wrong"
		s.IAMInstanceProfile = "arn:aws:iam::111122223333:instance-profile/p"
		s.AdditionalTags = infrav1.Tags{"aws:a": "b"}
		s.RootVolume = &infrav1.Volume{Size: 1}
	}
	oldMachine := machineWith(wrong)
	if n := len(create(oldMachine)); n < 4 {
		t.Fatalf("the old machine has %d errors, want at least 4", n)
	}
	newMachine := machineWith(func(s *infrav1.AWSMachineSpec) {
		wrong(s)
		s.ProviderID = ptr("aws:///us-east-1a/i-1")
	})
	newMachine.Finalizers = []string{infrav1.MachineFinalizer}
	if errs := update(newMachine, oldMachine); len(errs) > 0 {
		t.Errorf("unchanged fields stop the update: %v", errs.ToAggregate())
	}
	newMachine.Spec.AdditionalTags = infrav1.Tags{"aws:b": "c"}
	if errs := update(newMachine, oldMachine); len(errs) != 1 || errs[0].Field != "spec.additionalTags[aws:b]" {
		t.Errorf("got %v, want the changed field only", errs)
	}
}

func TestEveryChangedFieldOfAMachineIsNamed(t *testing.T) {
	oldMachine := machineWith(func(*infrav1.AWSMachineSpec) {})
	newMachine := machineWith(func(s *infrav1.AWSMachineSpec) {
		s.InstanceType = "xlarge" // no type at all, which doesn't matter any more
		s.IAMInstanceProfile = "other"
		s.Tenancy = infrav1.InstanceTenancyDedicated
	})
	var fields []string
	for _, err := range update(newMachine, oldMachine) {
		fields = append(fields, err.Field)
	}
	if got := strings.Join(fields, " "); got != "spec.instanceType spec.iamInstanceProfile spec.tenancy" {
		t.Errorf("got %s", got)
	}
}

func TestATemplateIsJudgedAnewOnlyWhereItChanged(t *testing.T) {
	wrong := func(s *infrav1.AWSMachineSpec) { s.ProviderID = ptr("a") }
	oldTemplate, newTemplate := machineTemplateWith(wrong), machineTemplateWith(wrong)
	newTemplate.Labels = map[string]string{"a": "b"}
	if errs := update(newTemplate, oldTemplate); len(errs) > 0 {
		t.Errorf("unchanged fields stop the update: %v", errs)
	}
	newTemplate.Spec.Template.Spec.InstanceID = ptr("b")
	if errs := update(newTemplate, oldTemplate); len(errs) != 1 {
		t.Errorf("got %v", errs)
	}
}

// A template that was stored without these options may be applied again with them: this
// isn't a change that the admission plugin for templates sees.
func TestWritingOutTheDefaultMetadataOptionsIsNoChangeOfATemplate(t *testing.T) {
	without := machineTemplateWith(func(*infrav1.AWSMachineSpec) {})
	with := machineTemplateWith(func(s *infrav1.AWSMachineSpec) {
		s.InstanceMetadataOptions = &infrav1.InstanceMetadataOptions{HTTPTokens: infrav1.HTTPTokensOptional, HTTPPutResponseHopLimit: 1}
	})
	if *without.Spec.Template.Spec.InstanceMetadataOptions != *with.Spec.Template.Spec.InstanceMetadataOptions {
		t.Errorf("got %v, want %v", with.Spec.Template.Spec, without.Spec.Template.Spec)
	}
}

func TestATemplateWarnsOfWhatItsMachinesAreRefusedFor(t *testing.T) {
	const refused = "(machines built from this template are refused unless a patch changes it)"
	tests := []struct {
		name   string
		change func(*infrav1.AWSMachineSpec)
		want   []string
	}{
		{name: "a template that is right gives none", change: func(*infrav1.AWSMachineSpec) {}},
		{
			name: "placeholders",
			change: func(s *infrav1.AWSMachineSpec) {
				s.InstanceType = "REPLACED"
				s.IAMInstanceProfile = "arn:aws:iam::1:a"
			},
			want: []string{"spec.template.spec.instanceType", "spec.template.spec.iamInstanceProfile"},
		},
		{
			name: "a proxy without a version of Ignition, which is 2.3 on machines",
			change: func(s *infrav1.AWSMachineSpec) {
				s.Ignition = &infrav1.Ignition{Proxy: &infrav1.IgnitionProxy{}}
			},
			want: []string{"spec.template.spec.ignition.proxy"},
		},
		{
			name: "throughput of another type of volume",
			change: func(s *infrav1.AWSMachineSpec) {
				s.RootVolume = &infrav1.Volume{Size: 8, Type: "gp2", Throughput: ptr(int64(200))}
			},
			want: []string{"spec.template.spec.rootVolume.throughput"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			template := machineTemplateWith(test.change)
			if errs := create(template); len(errs) > 0 {
				t.Fatalf("the template is refused: %v", errs.ToAggregate())
			}
			before := template.DeepCopy()
			got := warnings(template)
			compareWarnings(t, got, test.want)
			for _, warning := range got {
				if !strings.HasSuffix(warning, refused) {
					t.Errorf("%q doesn't say what follows", warning)
				}
			}
			if !apiequality.Semantic.DeepEqual(before, template) {
				t.Error("asking for warnings changed the template")
			}
		})
	}
}

func TestWarningsOfMachinesAndPools(t *testing.T) {
	ami := infrav1.AMIReference{ID: ptr("ami-1"), EKSOptimizedLookupType: ptr(infrav1.EKSAMILookupAmazonLinux2023)}
	root := &infrav1.Volume{Size: 8, DeviceName: "/dev/sda1"}
	machine := machineWith(func(s *infrav1.AWSMachineSpec) {
		s.AMI, s.RootVolume = ami, root
		s.CloudInit = &infrav1.CloudInit{InsecureSkipSecretsManager: true}
	})
	compareWarnings(t, warnings(machine), []string{
		"spec.ami.eksLookupType: has no effect", "spec.rootVolume.deviceName: has no effect",
		"spec.cloudInit.insecureSkipSecretsManager: everybody who may describe the instance",
	})
	pool := &infrav1.AWSMachinePool{Spec: infrav1.AWSMachinePoolSpec{AWSLaunchTemplate: infrav1.AWSLaunchTemplate{AMI: ami, RootVolume: root}}}
	compareWarnings(t, warnings(pool), []string{
		"spec.awsLaunchTemplate.ami.eksLookupType: has no effect", "spec.awsLaunchTemplate.rootVolume.deviceName: has no effect",
	})
	compareWarnings(t, warnings(machineWith(func(*infrav1.AWSMachineSpec) {})), nil)
	compareWarnings(t, warnings(machineWith(func(s *infrav1.AWSMachineSpec) {
		s.RootVolume = &infrav1.Volume{Size: 8, Type: "gp4"}
		s.NonRootVolumes = []infrav1.Volume{{Size: 8, Type: "gp3", DeviceName: "/dev/sdb"}, {Size: 8, Type: "magnetic", DeviceName: "/dev/sdc"}}
	})), []string{
		`spec.rootVolume.type: "gp4" is no type of volume that is known here: instances can't be launched if AWS doesn't know it either; known are gp2, gp3, io1, io2, st1, sc1, standard`,
		`spec.nonRootVolumes[1].type: "magnetic" is no type`,
	})
}

func TestAPoolThatWasWrongBeforeCanBeWritten(t *testing.T) {
	wrong := func() *infrav1.AWSMachinePool {
		pool := &infrav1.AWSMachinePool{Spec: infrav1.AWSMachinePoolSpec{
			DefaultCoolDown:   ptr("soon"),
			AWSLaunchTemplate: infrav1.AWSLaunchTemplate{InstanceType: "m5.large", RootVolume: &infrav1.Volume{Size: 1}},
		}}
		infrav1.SetObjectDefaults_AWSMachinePool(pool)
		return pool
	}
	oldPool, newPool := wrong(), wrong()
	newPool.Spec.ProviderIDList = []string{"aws:///us-east-1a/i-1"}
	newPool.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge"
	if errs := update(newPool, oldPool); len(errs) > 0 {
		t.Errorf("unchanged fields stop the update: %v", errs.ToAggregate())
	}
	newPool.Spec.DefaultCoolDown = ptr("later")
	if errs := update(newPool, oldPool); len(errs) != 1 || errs[0].Field != "spec.defaultCoolDown" {
		t.Errorf("got %v, want the changed field only", errs)
	}
}

func TestTheStatusOfAMachineIsJudgedByItsSchema(t *testing.T) {
	oldMachine := machineWith(func(*infrav1.AWSMachineSpec) {})
	newMachine := oldMachine.DeepCopy()
	newMachine.Status.Addresses = []infrav1.MachineAddress{{Type: "Phone", Address: "1"}}
	if errs := statusUpdate(newMachine, oldMachine); len(errs) != 1 || errs[0].Field != "status.addresses[0].type" {
		t.Errorf("got %v", errs)
	}
}
