package policy

import "testing"

func TestPoliciesDecide(t *testing.T) {
	for name, x := range map[string]struct {
		text string
		ask  Ask
		want Decision
	}{
		"an action by name":         {`{"Statement":{"Effect":"Allow","Action":"eks:CreateCluster","Resource":"*"}}`, Ask{Action: "eks:CreateCluster", Resource: "arn:aws:eks:r:1:cluster/a"}, Allowed},
		"in other letters":          {`{"Statement":{"Effect":"Allow","Action":"EKS:createcluster","Resource":"*"}}`, Ask{Action: "eks:CreateCluster"}, Allowed},
		"another action":            {`{"Statement":[{"Effect":"Allow","Action":["eks:Describe*"],"Resource":["*"]}]}`, Ask{Action: "eks:CreateCluster"}, Unspoken},
		"a resource with wildcards": {`{"Statement":[{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["arn:*:iam::*:role/*.sigs.k8s.io"]}]}`, Ask{Action: "iam:PassRole", Resource: "arn:aws:iam::1:role/a.sigs.k8s.io"}, Allowed},
		"another resource":          {`{"Statement":[{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["arn:*:iam::*:role/*.sigs.k8s.io"]}]}`, Ask{Action: "iam:PassRole", Resource: "arn:aws:iam::1:role/a.sigs.k8s.io.b"}, Unspoken},
		"one letter":                {`{"Statement":[{"Effect":"Allow","Action":["s3:?et"],"Resource":["*"]}]}`, Ask{Action: "s3:et"}, Unspoken},
		"a denial beside": {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"eks:Delete*","Resource":"*"}]}`,
			Ask{Action: "eks:DeleteCluster"}, Denied},
		"all but": {`{"Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}}`, Ask{Action: "iam:GetRole"}, Unspoken},
		"a condition that holds": {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"iam:AWSServiceName":"eks-*.amazonaws.com"}}}}`,
			Ask{Action: "iam:CreateServiceLinkedRole", Context: map[string]string{"iam:awsservicename": "eks-fargate.amazonaws.com"}}, Allowed},
		"a condition that doesn't": {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":["eks.amazonaws.com"]}}}}`,
			Ask{Action: "iam:PassRole", Context: map[string]string{"iam:PassedToService": "ec2.amazonaws.com"}}, Unspoken},
		"a condition nobody answers": {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a:b":"c"}}}}`, Ask{Action: "x:Y"}, Unspoken},
		"one that needn't be":        {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"a:b":"c"}}}}`, Ask{Action: "x:Y"}, Allowed},
		"one turned round":           {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a:b":"c"}}}}`, Ask{Action: "x:Y", Context: map[string]string{"a:b": "c"}}, Unspoken},
		"a boolean":                  {`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}}`, Ask{Action: "x:Y", Context: map[string]string{"kms:GrantIsForAWSResource": "true"}}, Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(x.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Decide([]Document{d}, x.ask); got != x.want {
				t.Errorf("it decides %d, want %d", got, x.want)
			}
		})
	}
}

func TestTrustPoliciesKnowWhom(t *testing.T) {
	d, err := ParseTrust(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"Service":["eks.amazonaws.com"],"AWS":"arn:aws:iam::111122223333:root"}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for ask, want := range map[[2]string]Decision{
		{"Service", "eks.amazonaws.com"}:                Allowed,
		{"Service", "ec2.amazonaws.com"}:                Unspoken,
		{"AWS", "arn:aws:iam::111122223333:user/admin"}: Allowed,
		{"AWS", "arn:aws:iam::444455556666:user/admin"}: Unspoken,
	} {
		if got := Decide([]Document{d}, Ask{Action: "sts:AssumeRole", Kind: ask[0], Principal: ask[1]}); got != want {
			t.Errorf("%v: %d, want %d", ask, got, want)
		}
	}
}

func TestMalformedPoliciesAreRefused(t *testing.T) {
	for text, trust := range map[string]bool{
		`{`:                false,
		`{"Statement":[]}`: false,
		`{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}`:                                                    false,
		`{"Statement":{"Effect":"Allow","Action":"*"}}`:                                                                   false,
		`{"Statement":{"Effect":"Allow","Resource":"*"}}`:                                                                 false,
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Colour":"red"}}`:                                     false,
		`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`:                                                      true,
		`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Resource":"*"}}`:               true,
		`{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"eks"}}}`: true,
	} {
		parse := Parse
		if trust {
			parse = ParseTrust
		}
		if _, err := parse(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
