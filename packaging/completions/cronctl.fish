# fish completion for cronctl(1)
@TABLE@
