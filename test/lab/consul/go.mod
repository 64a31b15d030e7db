module pine/lab/consul

go 1.21

require github.com/hashicorp/consul v1.14.11
